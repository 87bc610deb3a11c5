import { expect } from "chai";
import fc from "fast-check";
import {
  compareKeys,
  firstOf,
  type ListedEntry,
  listPage,
  type Page,
} from "../../../../src/storage/s3/listing.js";
import * as queries from "../../../../src/storage/s3/listing-query.js";
import {
  type ListedObject,
  listV1Document,
  listV2Document,
  listVersionsDocument,
} from "../../../../src/storage/s3/listing-xml.js";
import { queryOf, refused } from "./support.js";

/** A store of these entries, that counts how it is asked. */
class Store<Entry extends ListedEntry> {
  readonly #entries: readonly Entry[];
  seeks = 0;
  reads = 0;

  constructor(entries: readonly Entry[]) {
    this.#entries = [...entries].sort(
      (a, b) => compareKeys(a.key, b.key) || compareKeys(a.id ?? "", b.id ?? ""),
    );
  }

  readonly scan = async function* (this: Store<Entry>, start: Buffer): AsyncGenerator<Entry> {
    this.seeks++;
    for (const entry of this.#entries) {
      if (Buffer.compare(Buffer.from(entry.key), start) < 0) continue;
      this.reads++;
      yield entry;
    }
  }.bind(this);
}

const storeOf = (...keys: string[]): Store<ListedEntry> => new Store(keys.map((key) => ({ key })));
const shown = ({ contents, commonPrefixes }: Page<ListedEntry>): string[] =>
  [...contents.map(({ key }) => key), ...commonPrefixes.map((prefix) => `${prefix}*`)].sort((a, b) =>
    compareKeys(a.replace(/\*$/, ""), b.replace(/\*$/, "")),
  );
const request = { prefix: "", delimiter: "", after: "", maxKeys: 1000 };

/** All pages, one after the other. */
async function pages<Entry extends ListedEntry>(
  store: Store<Entry>,
  options: { prefix: string; delimiter: string; maxKeys: number },
): Promise<Page<Entry>[]> {
  const all: Page<Entry>[] = [];
  let position: { after: string; afterId?: string } = { after: "" };
  for (;;) {
    const page = await listPage(store.scan, { ...options, ...position });
    all.push(page);
    if (page.next === undefined) return all;
    position = { after: page.next, ...(page.nextId === undefined ? {} : { afterId: page.nextId }) };
  }
}

/** What a listing is, said in another way: everything at once. */
function expected(keys: readonly string[], prefix: string, delimiter: string): string[] {
  const found = new Map<string, string>();
  for (const key of [...keys].filter((candidate) => candidate.startsWith(prefix))) {
    const place = delimiter === "" ? -1 : key.slice(prefix.length).indexOf(delimiter);
    const common = key.slice(0, prefix.length + place + delimiter.length);
    if (place < 0) found.set(`k${key}`, key);
    else found.set(`p${common}`, `${common}*`);
  }
  return [...found.values()].sort((a, b) => compareKeys(a.replace(/\*$/, ""), b.replace(/\*$/, "")));
}

describe("storage/s3 listing", () => {
  const keys = ["a", "a-b", "a/b", "a/c", "a0", "b/", "b/x/y", "ä", "\u{1f600}", "\uffee"];

  const rows: readonly (readonly [string, Partial<typeof request>, readonly string[]])[] = [
    [
      "all, in the order of UTF-8",
      {},
      ["a", "a-b", "a/b", "a/c", "a0", "b/", "b/x/y", "ä", "\uffee", "\u{1f600}"],
    ],
    [
      "common prefixes among the keys",
      { delimiter: "/" },
      ["a", "a-b", "a/*", "a0", "b/*", "ä", "\uffee", "\u{1f600}"],
    ],
    ["below a prefix", { prefix: "a/" }, ["a/b", "a/c"]],
    ["a key that is the prefix", { prefix: "b/", delimiter: "/" }, ["b/", "b/x/*"]],
    ["a prefix inside of a name", { prefix: "a", delimiter: "/" }, ["a", "a-b", "a/*", "a0"]],
    [
      "another delimiter",
      { delimiter: "-b" },
      ["a", "a-b*", "a/b", "a/c", "a0", "b/", "b/x/y", "ä", "\uffee", "\u{1f600}"],
    ],
    ["behind a marker that is a key", { after: "a/b", prefix: "a" }, ["a/c", "a0"]],
    ["behind a marker that is none", { after: "a/bb", prefix: "a" }, ["a/c", "a0"]],
    ["behind a common prefix", { after: "a/", delimiter: "/", prefix: "a" }, ["a0"]],
    ["behind a key below a common prefix", { after: "a/b", delimiter: "/", prefix: "a" }, ["a0"]],
    ["behind what is before the prefix", { after: "a", prefix: "b" }, ["b/", "b/x/y"]],
    ["behind what is after the prefix", { after: "c", prefix: "b" }, []],
    ["nothing", { prefix: "zzz" }, []],
    ["no entries at all", { maxKeys: 0 }, []],
    ["one entry", { maxKeys: 1, prefix: "b", delimiter: "/" }, ["b/*"]],
  ];
  for (const [what, options, list] of rows) {
    it(`lists ${what}`, async () => {
      expect(shown(await listPage(storeOf(...keys).scan, { ...request, ...options }))).to.deep.equal(list);
    });
  }

  it("says that there is more only where there is", async () => {
    const store = storeOf("a", "b/1", "b/2");
    const page = (maxKeys: number) => listPage(store.scan, { ...request, delimiter: "/", maxKeys });
    expect(await page(0)).to.include({ isTruncated: false, next: undefined });
    expect(await page(1)).to.include({ isTruncated: true, next: "a" });
    expect(await page(2)).to.include({ isTruncated: false, next: undefined });
  });

  it("loses nothing and repeats nothing, whatever the pages", async () => {
    const name = fc.string({
      unit: fc.constantFrom("a", "b", "/", "-", "ü", "\u{1f600}", "\0", "\uffff"),
      maxLength: 6,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(
          name.filter((key) => key !== ""),
          { maxLength: 30 },
        ),
        fc.string({ unit: fc.constantFrom("a", "/", "ü"), maxLength: 2 }),
        fc.constantFrom("", "/", "a", "ü", "a/"),
        fc.integer({ min: 1, max: 7 }),
        async (all, prefix, delimiter, maxKeys) => {
          const found = await pages(storeOf(...all), { prefix, delimiter, maxKeys });
          expect(found.flatMap(shown)).to.deep.equal(expected(all, prefix, delimiter));
          for (const page of found.slice(0, -1)) expect(shown(page)).to.have.length(maxKeys);
        },
      ),
      { numRuns: 400 },
    );
  });

  it("seeks over what is below a common prefix instead of reading it", async () => {
    const many = Array.from({ length: 5000 }, (_, i) => `dir${i % 5}/${i}`);
    const store = storeOf(...many);
    const page = await listPage(store.scan, { ...request, delimiter: "/" });
    expect(page.commonPrefixes).to.have.length(5);
    expect(store.seeks).to.equal(6);
    expect(store.reads).to.be.lessThan(10);
  });

  it("pages through several entries of one key", async () => {
    const entries = ["k", "k/a", "l"].flatMap((key) => ["1", "2", "3"].map((id) => ({ key, id })));
    for (const maxKeys of [1, 2, 4]) {
      const found = await pages(new Store(entries), { prefix: "", delimiter: "", maxKeys });
      expect(found.flatMap((page) => page.contents)).to.deep.equal(entries);
    }
  });

  it("takes the first of a list, and knows whether there are more", () => {
    expect(firstOf([1, 2, 3], 2)).to.deep.equal({ items: [1, 2], isTruncated: true });
    expect(firstOf([1, 2], 2)).to.deep.equal({ items: [1, 2], isTruncated: false });
    expect(firstOf([1], 0)).to.deep.equal({ items: [], isTruncated: false });
  });

  describe("queries", () => {
    it("take empty values for absent ones", () => {
      const query = queries.readListV2(
        queryOf("delimiter=&prefix=&start-after=&max-keys=&encoding-type=&continuation-token="),
      );
      expect(query).to.deep.equal({
        version: 2,
        prefix: "",
        delimiter: "",
        maxKeys: 1000,
        encoding: undefined,
        after: "",
        token: "",
        startAfter: undefined,
        fetchOwner: false,
      });
    });

    it("cut what is too many, and refuse what is no number", () => {
      expect(queries.readListV1(queryOf("max-keys=0")).maxKeys).to.equal(0);
      expect(queries.readListV1(queryOf("max-keys=5000")).maxKeys).to.equal(1000);
      for (const bad of ["-1", "x", "1.5", "1e2", "9".repeat(16)]) {
        refused(() => queries.readListV1(queryOf(`max-keys=${bad}`)), "MAX_KEYS_INVALID");
        refused(() => queries.readListParts(queryOf(`max-parts=${bad}`)), "MAX_KEYS_INVALID");
        refused(() => queries.readListUploads(queryOf(`max-uploads=${bad}`)), "MAX_KEYS_INVALID");
        refused(() => queries.readListBuckets(queryOf(`max-buckets=${bad}`)), "MAX_KEYS_INVALID");
      }
      refused(() => queries.readListV1(queryOf("encoding-type=base64")), "ENCODING_INVALID");
    });

    it("take the token before start-after, and no token that was not made here", () => {
      const token = queries.makeToken("dir/ü");
      expect(queries.readListV2(queryOf(`continuation-token=${token}&start-after=z`)).after).to.equal(
        "dir/ü",
      );
      for (const bad of ["%20", "a", "=", "_w", `${token}=`, `${token}!`]) {
        refused(() => queries.readListV2(queryOf(`continuation-token=${bad}`)), "CONTINUATION_TOKEN_INVALID");
      }
      expect(queries.readListBuckets(queryOf(`continuation-token=${token}&prefix=d`))).to.include({
        after: "dir/ü",
        prefix: "d",
      });
    });

    it("know markers of versions and uploads", () => {
      expect(queries.readListVersions(queryOf("key-marker=a&version-id-marker=null")).after).to.equal("a");
      refused(() => queries.readListVersions(queryOf("version-id-marker=null")), "VERSION_MARKER_INVALID");
      refused(
        () => queries.readListVersions(queryOf("key-marker=a&version-id-marker=x")),
        "VERSION_ID_INVALID",
      );
      expect(queries.readListUploads(queryOf("key-marker=a&upload-id-marker=u"))).to.include({
        after: "a",
        afterId: "u",
      });
      expect(queries.readListUploads(queryOf("upload-id-marker=u"))).to.include({
        after: "",
        uploadIdMarker: "",
      });
      expect(queries.readListParts(queryOf("part-number-marker=7"))).to.include({
        marker: 7,
        maxParts: 1000,
      });
    });
  });

  describe("documents", () => {
    const owner = { id: "o", displayName: "d" };
    const object: ListedObject = {
      key: "a b/ü",
      modifiedMs: Date.UTC(2026, 0, 2, 3, 4, 5),
      etag: "e",
      size: 5,
    };
    const page: Page<ListedObject> = {
      contents: [object],
      commonPrefixes: ["p q/"],
      isTruncated: true,
      next: "p q/",
      nextId: undefined,
    };
    const entry =
      "<LastModified>2026-01-02T03:04:05.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>5</Size>";
    const ownerText = "<Owner><ID>o</ID><DisplayName>d</DisplayName></Owner>";

    it("of V1 hold the owner and the next marker", () => {
      const text = listV1Document("b", queries.readListV1(queryOf("delimiter=/&marker=a%20")), page, owner);
      expect(text).to.contain(
        "<Name>b</Name><Prefix></Prefix><Marker>a </Marker><NextMarker>p q/</NextMarker><MaxKeys>1000</MaxKeys>" +
          `<Delimiter>/</Delimiter><IsTruncated>true</IsTruncated><Contents><Key>a b/ü</Key>${entry}${ownerText}` +
          "<StorageClass>STANDARD</StorageClass></Contents><CommonPrefixes><Prefix>p q/</Prefix></CommonPrefixes>",
      );
    });

    it("of V2 hold counts, tokens, and names encoded where asked for", () => {
      const query = queries.readListV2(
        queryOf("encoding-type=url&start-after=x%20y&prefix=%C3%BC&continuation-token="),
      );
      const text = listV2Document("b", query, page, owner);
      expect(text).to.contain(
        "<Prefix>%C3%BC</Prefix><MaxKeys>1000</MaxKeys><EncodingType>url</EncodingType><IsTruncated>true</IsTruncated>" +
          "<KeyCount>2</KeyCount><ContinuationToken></ContinuationToken>" +
          `<NextContinuationToken>${queries.makeToken("p q/")}</NextContinuationToken><StartAfter>x%20y</StartAfter>` +
          `<Contents><Key>a%20b/%C3%BC</Key>${entry}<StorageClass>`,
      );
      expect(text).not.to.contain("<Owner>");
      expect(listV2Document("b", { ...query, fetchOwner: true }, page, owner)).to.contain(ownerText);
    });

    it("of versions hold one version each", () => {
      const text = listVersionsDocument("b", queries.readListVersions(queryOf("")), page, owner);
      expect(text).to.contain(
        "<NextKeyMarker>p q/</NextKeyMarker><NextVersionIdMarker>null</NextVersionIdMarker>",
      );
      expect(text).to.contain(
        `<Version><Key>a b/ü</Key><VersionId>null</VersionId><IsLatest>true</IsLatest>${entry}`,
      );
    });

    it("are not broken by characters that XML cannot hold", () => {
      const strange = { ...page, contents: [{ ...object, key: "a\u0001" }] };
      expect(listV1Document("b", queries.readListV1(queryOf("")), strange, owner)).to.contain(
        "<Key>a\ufffd</Key>",
      );
      const encoded = listV1Document("b", queries.readListV1(queryOf("encoding-type=url")), strange, owner);
      expect(encoded).to.contain("<Key>a%01</Key>");
    });
  });
});
