import { expect } from "chai";
import fc from "fast-check";
import {
  readComplete,
  readCreateBucket,
  readDelete,
  readEncryption,
  readTagging,
  readVersioning,
} from "../../../../src/storage/s3/documents.js";
import type { S3Failure } from "../../../../src/storage/s3/errors.js";
import { partsPage } from "../../../../src/storage/s3/object-parts.js";
import * as results from "../../../../src/storage/s3/result-documents.js";
import { parseLargeXml, parseXml, type XmlElement } from "../../../../src/storage/s3/xml-reader.js";
import { escapeText, xmlDocument } from "../../../../src/storage/s3/xml-writer.js";
import { S3Error } from "../../../../src/storage/s3-error.js";
import { refused, refusedLater } from "./support.js";

const NS = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
const bytes = (text: string): Buffer => Buffer.from(text);

describe("storage/s3 XML", () => {
  describe("writing", () => {
    it("escapes what has a meaning, and what readers would change", () => {
      expect(escapeText(`<a href="x">'&'\r\n\t</a>`)).to.equal(
        "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;&#13;\n\t&lt;/a&gt;",
      );
    });

    it("never writes what XML 1.0 cannot hold", () => {
      expect(escapeText("a\0b\u0001c\u000bd\u001fe\ufffef\ud800g\u{1f600}")).to.equal(
        "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ufffdg\u{1f600}",
      );
    });

    it("leaves out what is absent, writes what is empty, repeats lists", () => {
      const document = xmlDocument("R", { A: undefined, B: "", C: [1, { D: true }], E: {}, F: new Date(1) });
      expect(document).to.equal(
        `<?xml version="1.0" encoding="UTF-8"?>\n<R ${NS}><B></B><C>1</C><C><D>true</D></C><E></E>` +
          "<F>1970-01-01T00:00:00.001Z</F></R>",
      );
    });

    it("is read back as it was written, whatever the text", () => {
      fc.assert(
        fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => {
          const root = parseXml(bytes(xmlDocument("R", { A: text })));
          // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what XML cannot hold.
          const shown = text.replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd");
          expect(root.children[0]?.text).to.equal(shown);
        }),
      );
    });
  });

  describe("reading", () => {
    it("takes names without prefix or name space, text in pieces, comments away", () => {
      const root = parseXml(
        bytes(`\ufeff<?xml version="1.0" encoding="utf-8"?>
        <s:A xmlns:s="x"><!-- c --><s:B a="1">x<![CDATA[<y>]]>&amp;&#x41;&#13;</s:B><?pi?></s:A>\n`),
      );
      expect(root.children).to.deep.equal([{ name: "B", text: "x<y>&A\r", children: [] }]);
    });

    const bad: readonly (readonly [string, string | Buffer])[] = [
      ["nothing", ""],
      ["white space", "  \n"],
      ["text", "abc"],
      ["JSON", "{}"],
      ["an open element", "<A>"],
      ["crossed elements", "<A><B></A></B>"],
      ["two roots", "<A/><B/>"],
      ["text behind the root", "<A/>x"],
      ["an attribute without quotes", "<A b=c/>"],
      ["an attribute twice", '<A b="1" b="2"/>'],
      ["a prefix that means nothing", "<x:A/>"],
      ["a character XML cannot hold", "<A>\u0001</A>"],
      ["its reference", "<A>&#1;</A>"],
      ["an unknown entity", "<A>&nbsp;</A>"],
      ["an entity by the name of what objects inherit", "<A>&constructor;</A>"],
      ["another such", "<A>&__proto__;</A>"],
      ["a document type", "<!DOCTYPE A><A/>"],
      ["entities of its own", '<!DOCTYPE A [<!ENTITY a "b">]><A>&a;</A>'],
      ["a bomb", '<!DOCTYPE A [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><A>&b;</A>'],
      ["an entity from outside", '<!DOCTYPE A [<!ENTITY a SYSTEM "file:///etc/passwd">]><A>&a;</A>'],
      ["another encoding", '<?xml version="1.0" encoding="ISO-8859-1"?><A/>'],
      ["UTF-16", Buffer.from("\ufeff<A/>", "utf16le")],
      ["bytes that are not UTF-8", Buffer.from([0x3c, 0x41, 0x3e, 0xff, 0x3c, 0x2f, 0x41, 0x3e])],
      ["nine levels", `${"<A>".repeat(9)}${"</A>".repeat(9)}`],
      ["a hundred thousand levels", "<A>".repeat(100_000)],
      ["too many elements", `<A>${"<B/>".repeat(1000)}</A>`],
      ["too many attributes", `<A ${Array.from({ length: 17 }, (_, i) => `a${i}=""`).join(" ")}/>`],
    ];
    for (const [what, body] of bad) {
      it(`refuses ${what}`, () => {
        refused(() => parseXml(Buffer.from(body)), "XML_MALFORMED");
      });
    }

    it("reads any bytes, or refuses them with an S3Error", () => {
      const piece = fc.constantFrom(
        "<",
        ">",
        "</",
        "/>",
        "A",
        "Key",
        "&",
        "amp;",
        "<!--",
        "-->",
        "]]>",
        "<![CDATA[",
        '="',
        "\0",
      );
      fc.assert(
        fc.property(fc.array(piece, { maxLength: 20 }), (pieces) => {
          try {
            expect(parseXml(bytes(pieces.join(""))).name).to.be.a("string");
          } catch (error) {
            expect(error).to.be.instanceOf(S3Error).with.property("code", "MalformedXML");
          }
        }),
        { numRuns: 1000 },
      );
    });
  });

  it("is read in pieces as it is read whole", async () => {
    const limits = { maxDepth: 4, maxElements: 10 };
    const pieces = ["\u{1f600}", "\r\n", "&amp;", "&#x1F600;", "<![CDATA[x]]>", "<!-- - -->"];
    for (let shift = 0; shift < 12; shift++) {
      const text = "x".repeat(32 * 1024 - 20 + shift) + pieces.join("") + "y".repeat(32 * 1024);
      const body = bytes(`<A><B>${text}</B></A>`);
      expect(await parseLargeXml(body, limits)).to.deep.equal(parseXml(body, limits));
    }
  });

  describe("Delete", () => {
    it("is read with or without name space, indented or not", async () => {
      const indented = `<Delete>\n  <Quiet>true</Quiet>\n  <Object>\n    <Key> a\n</Key>\n  </Object>\n</Delete>`;
      expect(await readDelete(bytes(indented))).to.deep.equal({ quiet: true, objects: [{ key: " a\n" }] });
      const dense = `<Delete ${NS}><Object><Key>a&amp;b</Key><VersionId>null</VersionId></Object><Object><ETag>"e"</ETag><Key>c</Key></Object></Delete>`;
      expect(await readDelete(bytes(dense))).to.deep.equal({
        quiet: false,
        objects: [
          { key: "a&b", versionId: "null" },
          { key: "c", etag: "e" },
        ],
      });
    });

    const object = "<Object><Key>k</Key></Object>";
    const rows: readonly (readonly [string, string, S3Failure])[] = [
      ["another root", "<Deleted/>", "XML_MALFORMED"],
      ["no keys", "<Delete></Delete>", "XML_MALFORMED"],
      ["1001 keys", `<Delete>${object.repeat(1001)}</Delete>`, "XML_MALFORMED"],
      ["an empty key", "<Delete><Object><Key></Key></Object></Delete>", "XML_MALFORMED"],
      ["no key", "<Delete><Object></Object></Delete>", "XML_MALFORMED"],
      ["a key twice", "<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "XML_MALFORMED"],
      ["a key with elements", "<Delete><Object><Key>a<B/></Key></Object></Delete>", "XML_MALFORMED"],
      [
        "an element that is not understood",
        "<Delete><Object><Key>a</Key><If>b</If></Object></Delete>",
        "XML_MALFORMED",
      ],
      ["text between elements", `<Delete>x${object}</Delete>`, "XML_MALFORMED"],
      ["quiet neither true nor false", `<Delete><Quiet>yes</Quiet>${object}</Delete>`, "XML_MALFORMED"],
      [
        "a condition that is not kept",
        "<Delete><Object><Key>a</Key><Size>1</Size></Object></Delete>",
        "NOT_IMPLEMENTED",
      ],
    ];
    for (const [what, body, failure] of rows) {
      it(`refuses ${what}`, async () => {
        await refusedLater(() => readDelete(bytes(body)), failure);
      });
    }

    it("takes 1000 keys", async () => {
      expect((await readDelete(bytes(`<Delete>${object.repeat(1000)}</Delete>`))).objects).to.have.length(
        1000,
      );
    });
  });

  describe("CompleteMultipartUpload", () => {
    const complete = (...parts: string[]) =>
      bytes(
        `<CompleteMultipartUpload ${NS}>${parts.map((part) => `<Part>${part}</Part>`).join("")}</CompleteMultipartUpload>`,
      );
    const part = (number: number | string, etag = "e", more = "") =>
      `<PartNumber>${number}</PartNumber><ETag>${etag}</ETag>${more}`;

    it("takes ETags with quotes, without, and as references, and checksums", async () => {
      const parts = await readComplete(
        complete(
          part(1, '"a"'),
          part(3, "&quot;b&quot;"),
          part(" 7 ", "&#34;c&#34;"),
          `<ChecksumCRC32>NhCmhg==</ChecksumCRC32>${part(10_000, "d")}`,
        ),
      );
      expect(parts.map(({ number, etag }) => [number, etag])).to.deep.equal([
        [1, "a"],
        [3, "b"],
        [7, "c"],
        [10_000, "d"],
      ]);
      expect(parts[3]?.checksum?.algorithm).to.equal("CRC32");
      expect(parts[3]?.checksum?.value.toString("hex")).to.equal("3610a686");
    });

    it("takes 10,000 parts, and lets others work meanwhile", async () => {
      const all = Array.from({ length: 10_000 }, (_, i) => part(i + 1));
      let turns = 0;
      const timer = setInterval(() => turns++, 1);
      expect(await readComplete(complete(...all))).to.have.length(10_000);
      clearInterval(timer);
      expect(turns).to.be.greaterThan(3);
      await refusedLater(() => readComplete(complete(...all, part(10_000))), "XML_MALFORMED");
    });

    const rows: readonly (readonly [string, Buffer, S3Failure])[] = [
      ["no parts", complete(), "XML_MALFORMED"],
      ["parts out of order", complete(part(2), part(1)), "PART_ORDER_INVALID"],
      ["a part twice", complete(part(1), part(1)), "PART_ORDER_INVALID"],
      ["part 0", complete(part(0)), "PART_NUMBER_INVALID"],
      ["part 10001", complete(part(10_001)), "PART_NUMBER_INVALID"],
      ["a part that is no number", complete(part("1e3")), "PART_NUMBER_INVALID"],
      ["no number", complete("<ETag>e</ETag>"), "PART_NUMBER_INVALID"],
      ["no ETag", complete("<PartNumber>1</PartNumber>"), "XML_MALFORMED"],
      ["a checksum that is none", complete(part(1, "e", "<ChecksumCRC32>?</ChecksumCRC32>")), "PART_INVALID"],
      [
        "an unknown checksum",
        complete(part(1, "e", "<ChecksumXXHASH3>AA==</ChecksumXXHASH3>")),
        "NOT_IMPLEMENTED",
      ],
      [
        "two checksums",
        complete(
          part(1, "e", "<ChecksumCRC32>NhCmhg==</ChecksumCRC32><ChecksumCRC32C>mnG7TA==</ChecksumCRC32C>"),
        ),
        "CHECKSUM_SEVERAL",
      ],
    ];
    for (const [what, body, failure] of rows) {
      it(`refuses ${what}`, async () => {
        await refusedLater(() => readComplete(body), failure);
      });
    }
  });

  describe("encryption", () => {
    const config = (rule: string) =>
      bytes(`<ServerSideEncryptionConfiguration>${rule}</ServerSideEncryptionConfiguration>`);
    const apply = (inner: string) =>
      `<ApplyServerSideEncryptionByDefault>${inner}</ApplyServerSideEncryptionByDefault>`;
    const kms = "<SSEAlgorithm>aws:kms</SSEAlgorithm>";
    const rule = (inner: string) => `<Rule>${inner}</Rule>`;

    it("gives back what was set", () => {
      for (const document of [
        { algorithm: "AES256" },
        { algorithm: "aws:kms" },
        {
          algorithm: "aws:kms",
          keyId: "arn:aws:kms:my-key",
          bucketKeyEnabled: true,
          blockedTypes: ["SSE-C"],
        },
        { algorithm: "AES256", bucketKeyEnabled: false, blockedTypes: ["NONE"] },
      ] as const) {
        expect(readEncryption(bytes(results.encryptionDocument(document)))).to.deep.equal(document);
      }
    });

    const rows: readonly (readonly [string, string])[] = [
      ["no rule", ""],
      ["two rules", rule(apply(kms)).repeat(2)],
      ["an empty rule", rule("")],
      ["no algorithm", rule(apply(""))],
      ["an unknown algorithm", rule(apply("<SSEAlgorithm>aws:kms:dsse</SSEAlgorithm>"))],
      [
        "a key with AES256",
        rule(apply("<SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>k</KMSMasterKeyID>")),
      ],
      ["a key between spaces", rule(apply(`${kms}<KMSMasterKeyID> k</KMSMasterKeyID>`))],
      [
        "an unknown kind to block",
        rule(
          `${apply(kms)}<BlockedEncryptionTypes><EncryptionType>X</EncryptionType></BlockedEncryptionTypes>`,
        ),
      ],
      ["an element that is not understood", rule(`${apply(kms)}<More/>`)],
    ];
    for (const [what, text] of rows) {
      it(`refuses ${what}`, () => {
        refused(() => readEncryption(config(text)), "XML_MALFORMED");
      });
    }
  });

  it("reads tags, versioning and the region of a new bucket", () => {
    const tagging = (tags: string) => bytes(`<Tagging><TagSet>${tags}</TagSet></Tagging>`);
    const tag = (key: string, value: string) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`;
    expect(readTagging(tagging(tag("a", "1") + tag("b", "")))).to.deep.equal([
      { key: "a", value: "1" },
      { key: "b", value: "" },
    ]);
    expect(readTagging(bytes(results.taggingDocument([{ key: "<", value: "&" }])))).to.deep.equal([
      { key: "<", value: "&" },
    ]);
    refused(() => readTagging(tagging(tag("a", "1").repeat(2))), "TAG_INVALID");
    refused(() => readTagging(tagging(tag("", "1"))), "TAG_INVALID");
    refused(() => readTagging(tagging(tag("a".repeat(129), "1"))), "TAG_INVALID");
    refused(
      () => readTagging(tagging(Array.from({ length: 11 }, (_, i) => tag(`k${i}`, "")).join(""))),
      "TAG_INVALID",
    );
    refused(() => readTagging(bytes("<Tagging/>")), "XML_MALFORMED");
    refused(() => readTagging(tagging("<Tag><Key>a</Key></Tag>")), "XML_MALFORMED");
    expect(
      readVersioning(bytes("<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>")),
    ).to.equal("Enabled");
    refused(() => readVersioning(bytes("<VersioningConfiguration/>")), "XML_MALFORMED");
    expect(readCreateBucket(bytes(""))).to.equal(undefined);
    const create = (inner: string) =>
      bytes(`<CreateBucketConfiguration>${inner}</CreateBucketConfiguration>`);
    expect(readCreateBucket(create("<LocationConstraint>eu</LocationConstraint>"))).to.equal("eu");
    expect(readCreateBucket(create(""))).to.equal(undefined);
    refused(
      () => readCreateBucket(create("<Location><Type>AvailabilityZone</Type></Location>")),
      "XML_MALFORMED",
    );
  });

  describe("results", () => {
    const owner = { id: "o", displayName: "d" };
    const body = (document: string): XmlElement => parseXml(bytes(document));
    const names = (element: XmlElement): string[] => element.children.map(({ name }) => name);

    it("spells the location out but for us-east-1", () => {
      expect(results.locationDocument("us-east-1")).to.contain(
        `<LocationConstraint ${NS}></LocationConstraint>`,
      );
      expect(results.locationDocument("eu-1")).to.contain(">eu-1</LocationConstraint>");
    });

    it("has ETags in quotes and checksums by name", () => {
      const sum = { algorithm: "CRC32", type: "FULL_OBJECT", value: "NhCmhg==" } as const;
      const copy = results.copyDocument("CopyObjectResult", "e", 0, sum);
      expect(copy).to.contain("<ETag>&quot;e&quot;</ETag><ChecksumCRC32>NhCmhg==</ChecksumCRC32>");
      expect(copy).to.contain("<LastModified>1970-01-01T00:00:00.000Z</LastModified>");
      const done = results.completeElement({
        location: "http://h/b/k",
        bucket: "b",
        key: "k",
        etag: "e-2",
        checksum: sum,
      });
      expect(done).to.match(/^<CompleteMultipartUploadResult xmlns/);
      const parts = partsPage(
        [1, 3, 9].map((number) => ({ number, size: 5, checksum: { algorithm: "CRC32", value: "AAAA" } })),
        { maxParts: 1, marker: 1 },
      );
      expect(results.attributesDocument({ etag: "e", checksum: sum, parts, size: 5 })).to.contain(
        "<ETag>e</ETag><Checksum><ChecksumCRC32>NhCmhg==</ChecksumCRC32><ChecksumType>FULL_OBJECT</ChecksumType></Checksum>" +
          "<ObjectParts><PartsCount>3</PartsCount><PartNumberMarker>1</PartNumberMarker><NextPartNumberMarker>3</NextPartNumberMarker><MaxParts>1</MaxParts><IsTruncated>true</IsTruncated>" +
          "<Part><PartNumber>3</PartNumber><Size>5</Size><ChecksumCRC32>AAAA</ChecksumCRC32></Part></ObjectParts><ObjectSize>5</ObjectSize>",
      );
    });

    it("tells of deletes one by one, and of errors alone when it is to be quiet", () => {
      const outcomes = [
        { key: "a" },
        { key: "b", code: "AccessDenied", message: "m" },
        { key: "c", versionId: "null" },
      ];
      expect(names(body(results.deleteDocument(outcomes, false)))).to.deep.equal([
        "Deleted",
        "Deleted",
        "Error",
      ]);
      expect(names(body(results.deleteDocument(outcomes, true)))).to.deep.equal(["Error"]);
    });

    it("lists buckets, parts and uploads", () => {
      const buckets = body(results.bucketsDocument(owner, [{ name: "a", createdMs: 0 }], { next: "t" }));
      expect(names(buckets)).to.deep.equal(["Owner", "Buckets", "ContinuationToken"]);
      expect(names(body(results.bucketsDocument(owner, [])))).to.deep.equal(["Owner", "Buckets"]);
      const upload = { key: "k", id: "u", createdMs: 0 };
      const query = { maxParts: 2, marker: 1, encoding: undefined };
      const parts = results.partsDocument(
        "b",
        upload,
        query,
        [{ number: 3, modifiedMs: 0, etag: "e", size: 5 }],
        true,
        owner,
      );
      expect(parts).to.contain(
        "<PartNumberMarker>1</PartNumberMarker><NextPartNumberMarker>3</NextPartNumberMarker>",
      );
      const uploads = results.uploadsDocument(
        "b",
        { prefix: "", delimiter: "/", after: "a", maxKeys: 1, encoding: "url", uploadIdMarker: "" },
        {
          contents: [{ ...upload, key: "k ü" }],
          commonPrefixes: ["p/"],
          isTruncated: true,
          next: "k ü",
          nextId: "u",
        },
        owner,
      );
      expect(uploads).to.contain(
        "<NextKeyMarker>k%20%C3%BC</NextKeyMarker><NextUploadIdMarker>u</NextUploadIdMarker>",
      );
      expect(uploads).to.contain("<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes>");
    });

    it("is well-formed throughout", () => {
      const documents = [
        results.aclDocument(owner),
        results.uploadDocument("b", "k", "u"),
        results.postDocument("l", "b", "k", "e"),
        ...Object.values(results.emptyDocuments),
      ];
      for (const document of documents) expect(body(document).name).to.match(/^[A-Z]/);
      expect(results.aclDocument(owner)).to.contain('xsi:type="CanonicalUser"><ID>o</ID>');
      expect(results.postDocument("l", "b", "k", "e")).not.to.contain("xmlns");
    });
  });
});
