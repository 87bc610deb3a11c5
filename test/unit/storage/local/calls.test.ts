/** How often the key service is asked: once for what is stored or read, never for what only is looked at. */
import { expect } from "chai";
import type { MemoryStore } from "../../../support/memory-store.js";
import { pattern } from "../sse/support.js";
import {
  allKeys,
  at,
  BUCKET,
  brings,
  copies,
  type Kind,
  kinds,
  type LocalSite,
  memorySite,
} from "./support.js";

const content = pattern(1000);
const crc32 = { algorithm: "CRC32", type: "COMPOSITE" } as const;
const query = { maxParts: 1000, marker: 0, encoding: undefined };
const G = ["generate"];
const D = ["decrypt"];
const both = ["decrypt", "generate"];

type Row = Readonly<Record<Kind, readonly string[]>>;
const none: Row = { none: [], "SSE-S3": [], "SSE-KMS": [], "SSE-C": [] };
const each = (calls: readonly string[]): Row => ({ ...none, "SSE-S3": calls, "SSE-KMS": calls });

interface Fixture {
  readonly site: LocalSite<MemoryStore>;
  readonly kind: Kind;
  readonly etag: string;
  readonly uploadId: string;
  readonly partETag: string;
  readonly summed: string;
  readonly summedETag: string;
}

const table: readonly (readonly [string, Row, (fixture: Fixture) => Promise<unknown>])[] = [
  ["put", each(G), ({ site, kind }) => site.put("new", content, kind)],
  [
    "put with a checksum",
    each(G),
    ({ site, kind }) =>
      site.put("new", Buffer.from("hello"), kind, { bodyHeaders: { "x-amz-checksum-crc32": "NhCmhg==" } }),
  ],
  [
    "put with If-Match",
    each(G),
    ({ site, kind, etag }) => site.put("k", content, kind, { conditions: { match: etag } }),
  ],
  ["get", each(D), ({ site, kind }) => site.get("k", kind)],
  ["get with checksum", each(D), ({ site, kind }) => site.get("k", kind, { wantsChecksum: true })],
  [
    "get of a range",
    each(D),
    ({ site, kind }) => site.get("k", kind, { range: { asked: { first: 1, last: 2 }, header: "" } }),
  ],
  [
    "get answered by 304",
    none,
    ({ site, kind, etag }) => site.get("k", kind, { conditions: { noneMatch: etag } }),
  ],
  ["head", none, ({ site, kind }) => site.head("k", kind)],
  [
    "head with checksum",
    { ...none, "SSE-S3": D },
    ({ site, kind }) => site.head("k", kind, { wantsChecksum: true }),
  ],
  [
    "head with If-Match",
    none,
    ({ site, kind, etag }) => site.head("k", kind, { conditions: { match: etag } }),
  ],
  ["list", none, ({ site }) => site.listed()],
  ["tags", none, ({ site }) => site.objects.tags(at("k"))],
  ["setTags", none, ({ site }) => site.objects.setTags(at("k"), [])],
  ["delete", none, ({ site }) => site.objects.delete(at("k"), {})],
  ["delete with If-Match", none, ({ site, etag }) => site.objects.delete(at("k"), { match: etag })],
  ["copy to plain", each(D), ({ site, kind }) => site.copy("k", "new", copies(kind, "none"))],
  ["copy from plain", each(G), ({ site, kind }) => site.copy("plain", "new", copies("none", kind))],
  ["copy", each(both), ({ site, kind }) => site.copy("k", "new", copies(kind, kind))],
  [
    "reseal",
    each(both),
    ({ site, kind }) => site.objects.reseal(at("k"), { kind: kind === "SSE-KMS" ? "SSE-KMS" : "SSE-S3" }),
  ],
  ["createUpload", each(G), ({ site, kind }) => site.upload("new", kind)],
  ["putPart", each(D), ({ site, kind, uploadId }) => site.part("u", uploadId, 1, content, kind)],
  [
    "copyPart from plain",
    each(D),
    ({ site, kind, uploadId }) => site.copyPart("plain", "u", uploadId, 1, ["none", kind]),
  ],
  [
    "copyPart",
    each(["decrypt", "decrypt"]),
    ({ site, kind, uploadId }) => site.copyPart("k", "u", uploadId, 1, [kind, kind]),
  ],
  [
    "parts",
    { ...none, "SSE-S3": D },
    ({ site, kind, uploadId }) => site.objects.parts({ path: at("u"), uploadId, sse: brings(kind) }, query),
  ],
  [
    "parts with checksums",
    each(D),
    ({ site, kind, summed }) =>
      site.objects.parts({ path: at("u"), uploadId: summed, sse: brings(kind) }, query),
  ],
  ["uploads", none, ({ site }) => site.objects.uploads(BUCKET, allKeys)],
  [
    "completeUpload",
    { ...none, "SSE-S3": D, "SSE-KMS": D },
    ({ site, kind, uploadId, partETag }) => site.complete("u", uploadId, { 1: partETag }, kind),
  ],
  [
    "completeUpload with checksums",
    each(D),
    ({ site, kind, summed, summedETag }) => site.complete("u", summed, { 1: summedETag }, kind),
  ],
  ["abortUpload", none, ({ site, uploadId }) => site.objects.abortUpload(at("u"), uploadId)],
];

describe("local objects: calls of the key service", () => {
  for (const kind of kinds) {
    for (const [name, row, run] of table) {
      it(`${kind}: ${name}: ${row[kind].join(", ") || "none"}`, async () => {
        const site = await memorySite();
        await site.put("plain", content);
        const { etag } = await site.put("k", Buffer.from("hello"), kind, {
          bodyHeaders: { "x-amz-checksum-crc32": "NhCmhg==" },
        });
        const { uploadId } = await site.upload("u", kind);
        const { etag: partETag } = await site.part("u", uploadId, 1, content, kind);
        const { uploadId: summed } = await site.upload("u", kind, { checksum: crc32 });
        const { etag: summedETag } = await site.part("u", summed, 1, content, kind);
        site.calls();
        await run({ site, kind, etag, uploadId, partETag, summed, summedETag });
        expect(site.calls()).to.deep.equal(row[kind]);
      });
    }
  }
});
