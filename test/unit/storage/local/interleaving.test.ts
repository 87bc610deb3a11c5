/** Sealing anew while something else happens to the same object: every order of their steps. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { isS3Error } from "../../../../src/storage/s3/errors.js";
import { type Encryption, readEncryption } from "../../../../src/storage/sse/metadata.js";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import type { ObjectStore } from "../../../../src/storage/store/object-store.js";
import { CleanUp } from "../../../support/clean-up.js";
import { everyOrder, type Stepper } from "../../../support/interleaving.js";
import { MemoryStore } from "../../../support/memory-store.js";
import { SeveralKeys, SteppedKeys } from "../keys/support.js";
import { pattern } from "../sse/support.js";
import { asks, at, BUCKET, copies, customerKey, type Kind, LocalSite, rejects } from "./support.js";

const before = pattern(70_000);
const after = Buffer.from(before).reverse();
const second = { kind: "SSE-KMS", keyId: "second" } as const;
const third = { kind: "SSE-KMS", keyId: "third" } as const;
const managed = ["SSE-S3", "SSE-KMS"] as const;

/** What is a step of a store; all else happens at once. */
const STEPS = new Set<unknown>(["draft", "publish", "changeObject", "deleteObject", "completeUpload"]);

function stepped(store: ObjectStore, stepper: Stepper): ObjectStore {
  return new Proxy(store, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name, target);
      if (typeof member !== "function") return member;
      if (!STEPS.has(name)) return (...args: unknown[]) => Reflect.apply(member, target, args);
      return async (...args: unknown[]) => {
        await stepper.step(String(name));
        return Reflect.apply(member, target, args);
      };
    },
  });
}

type Site = LocalSite<ObjectStore>;

interface Rival {
  readonly what: string;
  /** On object `k`, which has `before`. */
  readonly act: (site: Site, kind: "SSE-S3" | "SSE-KMS") => Promise<unknown>;
  /** What is there in the end; undefined for nothing. */
  readonly content?: Buffer;
  readonly kind?: Kind;
  readonly prepare?: (site: Site) => Promise<void>;
}

/** Uploads are begun before the race; their etags are of the one part. */
const uploads = new WeakMap<Site, { uploadId: string; etag: string }>();
const overwrite = (kind: Kind): Rival => ({
  what: `a PUT of ${kind === "none" ? "a plain object" : kind}`,
  act: (site) => site.put("k", after, kind),
  ...{ content: after, kind },
});
const rivals: readonly Rival[] = [
  ...(["none", "SSE-S3", "SSE-KMS", "SSE-C"] as const).map(overwrite),
  { what: "deletion", act: (site) => site.objects.delete(at("k"), {}) },
  {
    what: "another rotation",
    act: (site) => site.objects.reseal(at("k"), third),
    content: before,
  },
  {
    what: "tags",
    act: (site) => site.objects.setTags(at("k"), [{ key: "a", value: "b" }]),
    content: before,
  },
  {
    what: "a copy onto itself with other metadata",
    act: (site, kind) =>
      site.copy("k", "k", copies("none", kind), { headers: { "content-type": "text/html" }, tags: [] }),
    content: before,
  },
  {
    what: "a copy of another object over it",
    act: (site) => site.copy("other", "k", copies("SSE-S3", "SSE-KMS")),
    prepare: async (site) => void (await site.put("other", after, "SSE-S3")),
    ...{ content: after, kind: "SSE-KMS" },
  },
  {
    what: "the completion of an upload",
    act: (site) => {
      const { uploadId, etag } = uploads.get(site) ?? { uploadId: "", etag: "" };
      return site.complete("k", uploadId, { 1: etag }, "SSE-KMS");
    },
    prepare: async (site) => {
      const { uploadId } = await site.upload("k", "SSE-KMS");
      const { etag } = await site.part("k", uploadId, 1, after, "SSE-KMS");
      uploads.set(site, { uploadId, etag });
    },
    ...{ content: after, kind: "SSE-KMS" },
  },
];

const keyNameOf = (encryption: Encryption | undefined): string | undefined =>
  encryption === undefined || encryption.kind === "SSE-C" ? undefined : encryption.dek.keyName;

/** What clients do when the server says that the object changed all the time. */
async function tolerant(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!isS3Error(error, "OPERATION_ABORTED", "KEY_NOT_FOUND")) throw error;
  }
}

async function checkEnd(site: Site, store: ObjectStore, rival: Rival, kind: Kind): Promise<void> {
  if (rival.content === undefined) {
    await rejects(() => site.get("k", kind), "KEY_NOT_FOUND");
    return;
  }
  const read = await site.get("k", rival.kind ?? kind);
  expect(read.bytes.equals(rival.content)).to.equal(true);
  const { object } = await site.head("k", rival.kind ?? kind);
  expect(object.etag).to.equal(read.object.etag);
  expect((await site.listed()).find(({ key }) => key === "k")?.etag).to.equal(object.etag);
  // No record and no content of two objects.
  for await (const verified of site.objects.verify({ customerKeys: [customerKey] })) {
    expect(verified).to.deep.include({ outcome: "whole", damage: [] });
  }
  const keyName = keyNameOf(readEncryption(store.object(BUCKET, "k")?.encryption ?? {}));
  if (rival.what === "tags") expect([keyName, object.tagCount]).to.deep.equal(["second", 1]);
}

describe("local objects: resealing beside something else", function () {
  this.timeout(120_000);
  const cleanUp = new CleanUp();
  afterEach(() => cleanUp.run());

  for (const kind of managed) {
    for (const rival of rivals) {
      it(`${kind}: ${rival.what}, in every order; the object opens, and nothing old comes back`, async () => {
        const orders = await everyOrder(async (stepper) => {
          const store = new MemoryStore();
          const keys = new SteppedKeys(new SeveralKeys("default", "other", "second", "third"), stepper);
          const site: Site = new LocalSite({ store: stepped(store, stepper), keys });
          await site.objects.createBucket(BUCKET);
          await site.put("k", before, kind);
          await site.put("warm", pattern(1), "SSE-S3");
          await rival.prepare?.(site);
          return {
            tasks: [
              () => tolerant(() => site.objects.reseal(at("k"), second)),
              () => tolerant(() => rival.act(site, kind)),
            ],
            check: async () => {
              await checkEnd(site, store, rival, kind);
              expect(store.draftCount).to.equal(0);
            },
          };
        });
        expect(orders.length).to.be.greaterThan(3);
      });
    }
  }

  it("over files, a PUT and a rotation of a whole bucket", async () => {
    const folder = await mkdtemp(join(tmpdir(), "keswick-interleaving-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    const store = await DirectoryStore.open(folder);
    const several = new SeveralKeys("default", "other", "second");
    cleanUp.add(() => store.close());
    await store.createBucket({ name: BUCKET, createdMs: 0 });
    const orders = await everyOrder(async (stepper) => {
      const keys = new SteppedKeys(several, stepper);
      const site: Site = new LocalSite({ store: stepped(store, stepper), keys });
      await site.put("k", before, "SSE-S3");
      return {
        tasks: [
          async () => {
            const to = { kind: "SSE-S3", keyId: "second" } as const;
            for await (const step of site.objects.rotate({ bucket: BUCKET, to })) {
              expect(step.outcome).to.equal("resealed");
            }
          },
          async () => void (await site.put("k", after, "SSE-S3", { sse: asks("SSE-S3") })),
        ],
        check: async () => {
          expect((await site.get("k", "SSE-S3")).bytes.equals(after)).to.equal(true);
        },
      };
    });
    expect(orders.length).to.be.greaterThan(20);
  });
});
