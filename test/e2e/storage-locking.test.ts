/** Locking and erasing: objects in a folder, their keys in a key server over mTLS (S3 reference §9). */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { systemClock } from "../../src/client/clock.js";
import { ApiKey, KesClient } from "../../src/client/index.js";
import { secureRandom } from "../../src/crypto/random.js";
import { openKeyService } from "../../src/storage/keys/open.js";
import { readKeySettings } from "../../src/storage/keys/settings.js";
import type { SseFailure } from "../../src/storage/sse/errors.js";
import { DirectoryStore } from "../../src/storage/store/directory-store.js";
import { CleanUp } from "../support/clean-up.js";
import { openFs } from "../support/fs-keystore.js";
import { compileRule } from "../support/rules.js";
import { startTestServer, type TestServer } from "../support/test-server.js";
import {
  BUCKET,
  copies,
  customerKey,
  type Kind,
  LocalSite,
  md5,
  PART_BYTES,
  rejects,
} from "../unit/storage/local/support.js";
import { pattern } from "../unit/storage/sse/support.js";

const apiKey = ApiKey.generate(randomBytes);
const ALLOWED = ["/v1/key/generate/*", "/v1/key/decrypt/*"];
const content = pattern(200_000);
const kms = (keyId: string) => ({ target: { kind: "SSE-KMS", keyId }, source: undefined }) as const;
/** Object → how it is read. */
const objects: Readonly<Record<string, Kind>> = {
  plain: "none",
  s3: "SSE-S3",
  "team-a": "SSE-KMS",
  "team-b": "SSE-KMS",
  customer: "SSE-C",
};

describe("locking and erasing objects by their keys", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let server: TestServer;
  let admin: KesClient;
  let folder: string;
  let site: LocalSite<DirectoryStore>;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-storage-locking-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    server = await startTestServer({
      openKeystore: async () => (await openFs(join(folder, "keys"))).store,
      policies: { storage: { allow: ALLOWED, identities: [apiKey.identity] } },
    });
    cleanUp.add(() => server.close());
    admin = new KesClient({
      ...{ endpoints: server.url, ca: server.ca.certPem },
      ...{ certificate: server.admin.certPem, key: server.admin.keyPem },
    });
    cleanUp.add(() => admin.close());
    for (const name of ["default", "next", "team-a", "team-b"]) await admin.createKey(name);
    await writeFile(join(folder, "ca.crt"), server.ca.certPem);
    site = await started();
    await site.objects.createBucket(BUCKET);
    for (const [key, kind] of Object.entries(objects)) {
      await site.put(key, content, kind, kind === "SSE-KMS" ? { sse: kms(key) } : {});
    }
  });

  afterEach(async () => {
    await site.objects.close();
    await cleanUp.run();
  });

  /** The service with a client of its own, as after a restart. */
  async function started(defaultKey = "default"): Promise<LocalSite<DirectoryStore>> {
    const environment = {
      MINIO_KMS_KES_ENDPOINT: server.url,
      MINIO_KMS_KES_KEY_NAME: defaultKey,
      MINIO_KMS_KES_CAPATH: join(folder, "ca.crt"),
      MINIO_KMS_KES_API_KEY: apiKey.toString(),
    };
    const { keys: settings } = await readKeySettings(environment, async () => undefined);
    if (settings === undefined) throw new Error("no settings");
    const keys = await openKeyService(settings, {
      environment: {},
      random: secureRandom,
      clock: systemClock,
    });
    return new LocalSite({ store: await DirectoryStore.open(join(folder, "objects")), keys });
  }

  async function restart(defaultKey?: string): Promise<void> {
    await site.objects.close();
    site = await started(defaultKey);
  }

  /** The server's policy, with these keys denied. */
  async function deny(...keys: readonly string[]): Promise<void> {
    const patterns = keys.flatMap((key) => ALLOWED.map((pattern) => pattern.replace("*", key)));
    const policies = server.config.policies.map((each) => ({
      ...each,
      policy: { ...each.policy, deny: patterns.map((pattern) => compileRule(pattern)) },
    }));
    await server.server.reload(async () => ({ ...server.config, policies }));
  }

  /** Reads every object: those in `failing` fail so, all others come whole. */
  async function readAll(failing: Readonly<Record<string, SseFailure>>): Promise<void> {
    for (const [key, kind] of Object.entries(objects)) {
      const failure = failing[key];
      if (failure !== undefined) await rejects(() => site.get(key, kind), failure);
      else expect((await site.get(key, kind)).bytes.equals(content), key).to.equal(true);
    }
  }

  it("a key that is denied locks what is under it, until it is allowed again", async () => {
    const { uploadId } = await site.upload("upload", "none", { sse: kms("team-a") });
    await readAll({});
    await deny("team-a");
    await readAll({ "team-a": "KMS_DENIED" });
    await rejects(() => site.put("new", content, "none", { sse: kms("team-a") }), "KMS_DENIED");
    await rejects(() => site.copy("team-a", "stolen", copies("SSE-KMS", "none")), "KMS_DENIED");
    await rejects(() => site.part("upload", uploadId, 1, content), "KMS_DENIED");
    await rejects(
      () => site.objects.reseal({ bucket: BUCKET, object: "team-a" }, { kind: "SSE-KMS", keyId: "team-b" }),
      "KMS_DENIED",
    );
    expect((await site.head("team-a", "SSE-KMS")).object.size).to.equal(content.length);
    expect((await site.listed()).map(({ key }) => key)).to.deep.equal(Object.keys(objects).sort());
    const outcomes: Record<string, string> = {};
    for await (const { object, outcome } of site.objects.verify({ customerKeys: [customerKey] })) {
      outcomes[object] = outcome;
    }
    expect(outcomes).to.deep.equal({
      ...{ plain: "whole", s3: "whole", "team-a": "locked", "team-b": "whole", customer: "whole" },
    });
    await restart();
    await readAll({ "team-a": "KMS_DENIED" });
    await deny();
    await readAll({});
    const part = await site.part("upload", uploadId, 1, pattern(PART_BYTES));
    await site.complete("upload", uploadId, { 1: part.etag });
    expect((await site.get("upload")).bytes.equals(pattern(PART_BYTES))).to.equal(true);
  });

  it("the default key locks all of SSE-S3; what is open for listings stays open", async () => {
    await deny("default");
    await readAll({ s3: "KMS_DENIED" });
    expect((await site.head("s3", "SSE-S3")).object.etag).to.equal(md5(content));
    expect((await site.listed()).find(({ key }) => key === "s3")?.etag).to.equal(md5(content));
    await restart();
    await rejects(() => site.head("s3", "SSE-S3"), "KMS_DENIED");
    expect((await site.head("team-a", "SSE-KMS")).object.size).to.equal(content.length);
    await deny();
    site.nowMs += 60_000;
    await readAll({});
    expect((await site.head("s3", "SSE-S3")).object.etag).to.equal(md5(content));
  });

  it("a key that is deleted erases what is under it, for good, and nothing else", async () => {
    await admin.deleteKey("team-a");
    await readAll({ "team-a": "KMS_KEY_NOT_FOUND" });
    await restart();
    await readAll({ "team-a": "KMS_KEY_NOT_FOUND" });
    await admin.createKey("team-a");
    await readAll({ "team-a": "KMS_ALTERED" });
    await site.put("team-a", content, "none", { sse: kms("team-a") });
    await readAll({});
  });

  it("the default key, deleted, takes SSE-S3 with it; listings and new objects go on", async () => {
    await admin.deleteKey("default");
    await restart("next");
    await readAll({ s3: "KMS_KEY_NOT_FOUND" });
    const { etag } = (await site.head("s3", "SSE-S3")).object;
    expect(etag)
      .to.match(/^[0-9a-f]{32}$/)
      .and.not.to.equal(md5(content));
    await site.put("new", content, "SSE-S3");
    const listed = await site.listed();
    expect(listed.find(({ key }) => key === "new")?.etag).to.equal(md5(content));
    expect(listed.find(({ key }) => key === "s3")?.etag).to.equal(etag);
    await site.objects.delete({ bucket: BUCKET, object: "s3" }, { match: etag });
  });

  it("what is resealed under another key outlives the old one, ETags in listings included", async () => {
    await restart("next");
    const outcomes: string[] = [];
    const to = { kind: "SSE-S3", keyId: "next" } as const;
    for await (const { outcome } of site.objects.rotate({ bucket: BUCKET, to })) outcomes.push(outcome);
    expect(outcomes.sort()).to.deep.equal(["customer-key", "plain", "refused", "refused", "resealed"]);
    expect((await site.head("s3", "SSE-S3")).object.etag).to.equal(md5(content));
    await admin.deleteKey("default");
    await restart("next");
    await readAll({});
    expect((await site.head("s3", "SSE-S3")).object.etag).to.equal(md5(content));
  });

  it("without its server nothing is read or written that needs a key, and everything else is", async () => {
    await server.close();
    await readAll({ s3: "KMS_UNAVAILABLE", "team-a": "KMS_UNAVAILABLE", "team-b": "KMS_UNAVAILABLE" });
    await rejects(() => site.put("new", content, "SSE-S3"), "KMS_UNAVAILABLE");
    expect((await site.head("s3", "SSE-S3")).object.etag).to.equal(md5(content));
    expect((await site.listed()).length).to.equal(Object.keys(objects).length);
    await site.put("new", content, "SSE-C");
    const status = await site.objects.status();
    expect(status.isStorageOnline).to.equal(true);
    expect(status.keys?.endpoints[0]?.isOnline).to.equal(false);
  });
});
