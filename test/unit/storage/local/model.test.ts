/** Any sequence of calls against a model that only remembers what was put where. */
import { expect } from "chai";
import fc from "fast-check";
import { isS3Error } from "../../../../src/storage/s3/errors.js";
import { SeveralKeys } from "../keys/support.js";
import { pattern } from "../sse/support.js";
import {
  BUCKET,
  copies,
  customerKey,
  type Kind,
  kinds,
  LocalSite,
  md5,
  memorySite,
  rejects,
} from "./support.js";

interface Known {
  readonly content: Buffer;
  readonly kind: Kind;
  readonly etag: string;
}

const names = ["a", "a/b", "a//b", "c"] as const;
const name = fc.constantFrom(...names);
const kind = fc.constantFrom(...kinds);
const size = fc.oneof(fc.constantFrom(0, 1, 65_535, 65_536, 65_537, 131_072), fc.nat({ max: 200_000 }));
const call = fc.oneof(
  fc.record({ do: fc.constant("put" as const), name, kind, size }),
  fc.record({ do: fc.constant("parts" as const), name, kind, size }),
  fc.record({ do: fc.constant("copy" as const), from: name, to: name, kind }),
  fc.record({ do: fc.constant("reseal" as const), name, to: fc.constantFrom("SSE-S3", "SSE-KMS" as const) }),
  fc.record({ do: fc.constant("delete" as const), name }),
  fc.record({ do: fc.constant("restart" as const) }),
);

describe("local objects against a model", function () {
  this.timeout(120_000);

  it("always give what was put last, as it is to be encrypted", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 25 }), fc.nat(), async (calls, seed) => {
        const keys = new SeveralKeys("default", "other");
        let site = await memorySite({ keys });
        const { store } = site;
        const model = new Map<string, Known>();
        for (const [i, each] of calls.entries()) {
          site.nowMs += 1;
          // Content differs from call to call.
          const content = "size" in each ? pattern(each.size) : Buffer.alloc(0);
          if (content.length > 0) content[0] = i;
          if (each.do === "put") {
            const { etag } = await site.put(each.name, content, each.kind);
            model.set(each.name, { content, kind: each.kind, etag });
          } else if (each.do === "parts") {
            const etag = await site.multipart(each.name, each.kind, content);
            model.set(each.name, { content, kind: each.kind, etag });
          } else if (each.do === "copy") {
            const from = model.get(each.from);
            const copy = () => site.copy(each.from, each.to, copies(from?.kind ?? "none", each.kind));
            if (from === undefined) await rejects(copy, "KEY_NOT_FOUND");
            else {
              try {
                const { etag } = await copy();
                model.set(each.to, { content: from.content, kind: each.kind, etag });
              } catch (error) {
                const isNothing = each.from === each.to && from.kind === "none" && each.kind === "none";
                if (!isNothing || !isS3Error(error, "COPY_TO_ITSELF")) throw error;
              }
            }
          } else if (each.do === "reseal") {
            const path = { bucket: BUCKET, object: each.name };
            const reseal = () => site.objects.reseal(path, { kind: each.to, keyId: "other" });
            if (model.has(each.name)) await reseal();
            else await rejects(reseal, "KEY_NOT_FOUND");
          } else if (each.do === "delete") {
            await site.objects.delete({ bucket: BUCKET, object: each.name }, {});
            model.delete(each.name);
          } else site = new LocalSite({ store, keys });
        }
        const listed = await site.listed();
        expect(listed.map(({ key }) => key)).to.deep.equal([...model.keys()].sort());
        for (const { key, etag, size: bytes } of listed) {
          const known = model.get(key);
          if (known === undefined) throw new Error("was not put");
          expect({ etag, bytes }).to.deep.equal({ etag: known.etag, bytes: known.content.length });
          const read = await site.get(key, known.kind);
          expect(read.bytes.equals(known.content)).to.equal(true);
          expect(read.object.etag).to.equal(etag);
          expect(read.object.encryption?.kind ?? "none").to.equal(known.kind);
          const isMd5 = !etag.includes("-") && (known.kind === "none" || known.kind === "SSE-S3");
          if (isMd5) expect(etag).to.equal(md5(known.content));
          if (bytes === 0) continue;
          const first = seed % bytes;
          const range = { asked: { first }, header: "" };
          const tail = await site.get(key, known.kind, { range });
          expect(tail.bytes.equals(known.content.subarray(first))).to.equal(true);
        }
        for await (const { outcome } of site.objects.verify({ customerKeys: [customerKey] })) {
          expect(outcome).to.equal("whole");
        }
        expect(store.heldCount).to.equal(0);
        expect(store.draftCount).to.equal(0);
      }),
      { numRuns: 100 },
    );
  });
});
