/** Sealing anew at a gateway beside other writes, before back ends that hold copies to conditions and such that do not. */
import { expect } from "chai";
import { secureRandom } from "../../src/crypto/random.js";
import { GatewayObjects } from "../../src/storage/gateway/gateway-objects.js";
import { LocalObjects } from "../../src/storage/local/local-objects.js";
import type { CopyRequest, ObjectService } from "../../src/storage/objects/object-service.js";
import { isS3Error } from "../../src/storage/s3/errors.js";
import type { RequestedEncryption } from "../../src/storage/sse/request.js";
import { CleanUp } from "../support/clean-up.js";
import { everyOrder } from "../support/interleaving.js";
import { MemoryStore } from "../support/memory-store.js";
import { ROOT, type S3TestServer, startS3Server } from "../support/s3-server.js";
import { uploadBody } from "../support/upload-body.js";
import { SeveralKeys, SteppedKeys } from "../unit/storage/keys/support.js";
import {
  allKeys,
  asks,
  at,
  BUCKET,
  brings,
  collect,
  customerKey,
  type Kind,
  otherCustomerKey,
  PART_BYTES,
  plainHeaders,
  rejects,
} from "../unit/storage/local/support.js";
import { pattern } from "../unit/storage/sse/support.js";

const before = pattern(70_000);
const after = Buffer.from(before).reverse();
const to = { kind: "SSE-KMS", keyId: "second" } as const;

describe("a gateway's objects beside changes of their keys", function () {
  this.timeout(120_000);
  const cleanUp = new CleanUp();
  afterEach(() => cleanUp.run());

  async function backEnd(holdsConditions = true): Promise<S3TestServer> {
    const store = new MemoryStore();
    const inner = new LocalObjects({ store, keys: undefined, random: secureRandom, now: Date.now });
    const server = await startS3Server({
      keys: "none",
      service: () => (holdsConditions ? inner : new Careless(inner).service),
    });
    cleanUp.add(() => server.stop());
    return server;
  }

  async function gateway(server: S3TestServer, keys: SeveralKeys | SteppedKeys): Promise<GatewayObjects> {
    const credentials = { accessKeyId: ROOT.user, secretAccessKey: ROOT.password };
    const objects = new GatewayObjects({
      ...{ backEnd: { endpoint: server.url, credentials }, keys, random: secureRandom, now: Date.now },
    });
    cleanUp.add(() => objects.close());
    await objects.createBucket(BUCKET).catch((error: unknown) => {
      if (!isS3Error(error, "BUCKET_OWNED")) throw error;
    });
    return objects;
  }

  const put = (objects: ObjectService, key: string, bytes: Buffer, wanted: RequestedEncryption | undefined) =>
    objects.put({
      ...{ path: at(key), stored: plainHeaders, sse: { target: wanted, source: undefined } },
      ...{ conditions: {}, body: uploadBody(bytes) },
    });
  const get = async (objects: ObjectService, key: string, sse = brings("none")): Promise<Buffer> =>
    collect((await objects.get({ path: at(key), sse, conditions: {}, wantsChecksum: false })).content);

  for (const kind of ["none", "SSE-S3", "SSE-KMS", "SSE-C"] as const satisfies readonly Kind[]) {
    it(`resealing beside a PUT of ${kind}, in every order of their calls: the new object opens`, async () => {
      const server = await backEnd();
      const several = new SeveralKeys("default", "other", "second");
      const orders = await everyOrder(async (stepper) => {
        const objects = await gateway(server, new SteppedKeys(several, stepper));
        await put(objects, "warm", before, { kind: "SSE-S3" });
        await objects.reseal(at("warm"), to);
        await put(objects, "k", before, { kind: "SSE-S3" });
        return {
          tasks: [
            async () =>
              expect(["resealed", "plain", "customer-key"]).to.include(await objects.reseal(at("k"), to)),
            async () => {
              // Of plain objects and keys of clients, too, the moment is one of the orders.
              await stepper.step("put");
              await put(objects, "k", after, asks(kind).target);
            },
          ].map((task) => async () => void (await task())),
          check: async () => {
            expect((await get(objects, "k", brings(kind))).equals(after)).to.equal(true);
          },
        };
      });
      expect(orders.length).to.be.greaterThan(2);
    });
  }

  it("reseals nothing before a back end that holds copies to no conditions; copies write anew", async () => {
    const keys = new SeveralKeys("default", "other", "second");
    const objects = await gateway(await backEnd(false), keys);
    await put(objects, "k", before, { kind: "SSE-KMS" });
    await rejects(() => objects.reseal(at("k"), to), "NOT_IMPLEMENTED");
    await rejects(() => objects.reseal(at("k"), to), "NOT_IMPLEMENTED");
    const { contents } = await objects.list(BUCKET, allKeys);
    expect(contents.map(({ key }) => key)).to.deep.equal(["k"]);
    await objects.copy({
      ...{ path: at("k"), source: { path: at("k"), conditions: {} }, conditions: {} },
      sse: { target: to, source: undefined },
    });
    keys.remove("default");
    expect((await get(objects, "k")).equals(before)).to.equal(true);
  });

  it("asks a back end about conditions once, whoever asks", async () => {
    const server = await backEnd();
    const objects = await gateway(server, new SeveralKeys("default", "second"));
    for (const key of ["a", "b", "c"]) await put(objects, key, before, { kind: "SSE-S3" });
    await Promise.all(["a", "b", "c"].map((key) => objects.reseal(at(key), to)));
    await objects.reseal(at("a"), to);
    const refused = server.log.filter(({ status }) => status === 412).length;
    expect(refused).to.equal(1);
    expect((await objects.list(BUCKET, allKeys)).contents.length).to.equal(3);
  });

  for (const [kind, keyName] of [
    ["SSE-S3", "default"],
    ["SSE-KMS", "other"],
  ] as const) {
    it(`${kind}: an upload is not said to be stored when its key went away after the last part`, async () => {
      const keys = new SeveralKeys("default", "other");
      const objects = await gateway(await backEnd(), keys);
      const upload = { path: at("k"), sse: asks(kind) };
      const { uploadId } = await objects.createUpload({ ...upload, stored: plainHeaders });
      const part = { path: at("k"), uploadId, sse: brings(kind) };
      const { etag } = await objects.putPart({ ...part, number: 1, body: uploadBody(before) });
      keys.remove(keyName);
      const complete = { ...part, parts: [{ number: 1, etag }], conditions: {} };
      await rejects(() => objects.completeUpload(complete), "KMS_KEY_NOT_FOUND");
      expect((await objects.list(BUCKET, allKeys)).contents).to.deep.equal([]);
    });
  }

  it("keeps the keys of two SSE-C objects apart, whole and as parts of a range", async () => {
    const objects = await gateway(await backEnd(), new SeveralKeys("default"));
    const content = pattern(PART_BYTES + 70_000);
    await put(objects, "source", content, { kind: "SSE-C", key: customerKey });
    const other = { target: { kind: "SSE-C", key: otherCustomerKey }, source: undefined } as const;
    const source = { path: at("source"), conditions: {} };
    const sse = { ...other, source: customerKey };
    await objects.copy({ source, path: at("k"), conditions: {}, sse });
    expect((await get(objects, "k", other)).equals(content)).to.equal(true);
    await rejects(() => get(objects, "k", brings("SSE-C")), "SSE_C_KEY_WRONG");
    const swapped = { ...other, source: otherCustomerKey };
    await rejects(
      () => objects.copy({ source, path: at("k"), conditions: {}, sse: swapped }),
      "SSE_C_KEY_WRONG",
    );
    const { uploadId } = await objects.createUpload({ path: at("p"), stored: plainHeaders, sse: other });
    const part = { path: at("p"), uploadId, number: 1, source, range: `bytes=65535-${PART_BYTES + 65_536}` };
    await rejects(() => objects.copyPart({ ...part, sse: swapped }), "SSE_C_KEY_WRONG");
    const same = { ...brings("SSE-C"), source: customerKey };
    await rejects(() => objects.copyPart({ ...part, sse: same }), "SSE_C_PART_KEY_WRONG");
    const { etag } = await objects.copyPart({ ...part, sse });
    await objects.completeUpload({
      ...{ path: at("p"), uploadId, sse: other, parts: [{ number: 1, etag }], conditions: {} },
    });
    const wanted = content.subarray(65_535, PART_BYTES + 65_537);
    expect((await get(objects, "p", other)).equals(wanted)).to.equal(true);
  });
});

/** A service whose copies look at no condition of the source, as some do. */
class Careless {
  readonly service: ObjectService;

  constructor(inner: LocalObjects) {
    this.service = new Proxy<ObjectService>(inner, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name, target);
        if (name === "copy") {
          return (request: CopyRequest) =>
            target.copy({ ...request, source: { ...request.source, conditions: {} } });
        }
        return typeof member === "function"
          ? (...args: unknown[]) => Reflect.apply(member, target, args)
          : member;
      },
    });
  }
}
