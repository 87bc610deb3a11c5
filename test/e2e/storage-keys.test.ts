/** The storage module's keys from a key server over mTLS, set up by MinIO's variables; locking and erasing. */
import { createPrivateKey, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { systemClock } from "../../src/client/clock.js";
import { ApiKey, KesClient } from "../../src/client/index.js";
import { secureRandom } from "../../src/crypto/random.js";
import { isKesError } from "../../src/errors.js";
import { encryptedKeyPem } from "../../src/identity/encrypted-key.js";
import { checkKey, prepareDefaultKey } from "../../src/storage/keys/key-check.js";
import type { KeyService } from "../../src/storage/keys/key-service.js";
import { openKeyService } from "../../src/storage/keys/open.js";
import { readKeySettings } from "../../src/storage/keys/settings.js";
import { encryptObject, openEncryption } from "../../src/storage/sse/encryption.js";
import { rotateEncryption } from "../../src/storage/sse/rotate.js";
import { certificateAuthority, selfSigned } from "../support/certificates.js";
import { CleanUp } from "../support/clean-up.js";
import { startTestServer, type TestServer } from "../support/test-server.js";
import { bytesOf, fails } from "../unit/storage/sse/support.js";

const PASSWORD = "correct horse";
const apiKey = ApiKey.generate(randomBytes);
const policies = {
  storage: {
    allow: ["/v1/key/create/*", "/v1/key/generate/*", "/v1/key/decrypt/*"],
    deny: ["/v1/key/generate/denied"],
    identities: [apiKey.identity],
  },
};
const path = { bucket: "bucket", object: "a/b" };
const random = secureRandom;

describe("the storage module's keys from a key server", () => {
  const cleanUp = new CleanUp();
  let server: TestServer;
  let admin: KesClient;
  let folder: string;
  let common: Record<string, string>;
  let keys: KeyService;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-storage-keys-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    server = await startTestServer({ policies });
    cleanUp.add(() => server.close());
    await writeFile(join(folder, "ca.crt"), server.ca.certPem);
    common = {
      MINIO_KMS_KES_ENDPOINT: server.url,
      MINIO_KMS_KES_KEY_NAME: "default",
      MINIO_KMS_KES_CAPATH: join(folder, "ca.crt"),
    };
    admin = new KesClient({
      ...{ endpoints: server.url, ca: server.ca.certPem },
      ...{ certificate: server.admin.certPem, key: server.admin.keyPem },
    });
    cleanUp.add(() => admin.close());
    keys = await opened({ ...common, MINIO_KMS_KES_API_KEY: apiKey.toString() });
  });

  after(() => cleanUp.run());

  async function opened(environment: Record<string, string>): Promise<KeyService> {
    const { keys: settings } = await readKeySettings(environment, async () => undefined);
    if (settings === undefined) throw new Error("no settings");
    const service = await openKeyService(settings, { environment: {}, random, clock: systemClock });
    cleanUp.add(() => service.close());
    return service;
  }

  it("are made at start and used, without permission for anything else", async () => {
    expect(await prepareDefaultKey(keys)).to.equal("created");
    expect(await prepareDefaultKey(keys)).to.equal("ready");
    const { key, encryption } = await encryptObject({ kind: "SSE-S3" }, { path, keys, random });
    const again = await openEncryption(encryption, { path, keys, use: "read" });
    expect(bytesOf(again)).to.equal(bytesOf(key));
    expect(await checkKey(keys)).to.deep.equal({ keyName: "default" });
    const { endpoints } = await keys.status();
    expect(endpoints).to.deep.equal([{ endpoint: server.url, isOnline: true }]);
  });

  it("come by certificate with an encrypted private key, and not with a wrong password", async () => {
    const privateKey = createPrivateKey(server.admin.keyPem);
    const pem = encryptedKeyPem(privateKey, PASSWORD, (size) => randomBytes(size));
    await writeFile(join(folder, "client.key"), pem);
    await writeFile(join(folder, "client.crt"), server.admin.certPem);
    const files = {
      ...common,
      MINIO_KMS_KES_CERT_FILE: join(folder, "client.crt"),
      MINIO_KMS_KES_KEY_FILE: join(folder, "client.key"),
    };
    const byCertificate = await opened({ ...files, MINIO_KMS_KES_KEY_PASSWORD: PASSWORD });
    expect(await checkKey(byCertificate)).to.deep.equal({ keyName: "default" });
    const locked = await opened({ ...files, MINIO_KMS_KES_KEY_PASSWORD: "wrong" });
    await fails(() => locked.generate(undefined, {}), "KMS_UNAVAILABLE");
  });

  it("fail in the way that the S3 client is to see", async () => {
    await fails(
      () => encryptObject({ kind: "SSE-KMS", keyId: "none" }, { path, keys, random }),
      "KMS_KEY_NOT_FOUND",
    );
    await fails(
      () => encryptObject({ kind: "SSE-KMS", keyId: "denied" }, { path, keys, random }),
      "KMS_DENIED",
    );
    await fails(
      () => encryptObject({ kind: "SSE-KMS", keyId: "a b" }, { path, keys, random }),
      "KMS_KEY_NOT_FOUND",
    );
    await fails(() => keys.createKey("default"), "KMS_KEY_EXISTS");
    const { encryption } = await encryptObject({ kind: "SSE-S3" }, { path, keys, random });
    const elsewhere = { bucket: "bucket", object: "a/c" };
    await fails(() => openEncryption(encryption, { path: elsewhere, keys, use: "read" }), "KMS_ALTERED");
    const untrusting = await opened({
      ...{ ...common, MINIO_KMS_KES_ENDPOINT: "https://127.0.0.1:1" },
      MINIO_KMS_KES_API_KEY: apiKey.toString(),
    });
    await fails(
      () => untrusting.generate(undefined, {}, { signal: AbortSignal.timeout(60_000) }),
      "KMS_UNAVAILABLE",
    );
    expect((await untrusting.status()).endpoints[0]?.isOnline).to.equal(false);
  });

  it("are authorities that are named: files without certificate are refused at once", async () => {
    await writeFile(join(folder, "empty.crt"), "nothing");
    const error = await opened({
      ...{ ...common, MINIO_KMS_KES_CAPATH: join(folder, "empty.crt") },
      MINIO_KMS_KES_API_KEY: apiKey.toString(),
    }).catch((thrown: unknown) => thrown);
    expect(isKesError(error, "CLIENT_OPTIONS_INVALID")).to.equal(true);
  });

  it("are reached again when authorities and certificate were renewed on disk, without a restart", async () => {
    const files = {
      ca: join(folder, "next-ca.crt"),
      cert: join(folder, "next.crt"),
      key: join(folder, "next.key"),
    };
    const write = async (ca: string, pair: { readonly certPem: string; readonly keyPem: string }) => {
      await writeFile(files.ca, ca);
      await writeFile(files.cert, pair.certPem);
      await writeFile(files.key, pair.keyPem);
    };
    await write(certificateAuthority().certPem, selfSigned());
    const service = await opened({
      ...{ ...common, MINIO_KMS_KES_CAPATH: files.ca },
      ...{ MINIO_KMS_KES_CERT_FILE: files.cert, MINIO_KMS_KES_KEY_FILE: files.key },
    });
    await fails(() => service.generate(undefined, {}), "KMS_UNAVAILABLE");
    await write(server.ca.certPem, server.admin);
    expect(await checkKey(service)).to.deep.equal({ keyName: "default" });
  });

  it("carry an object over to another key, after which the old one may be erased", async () => {
    await admin.createKey("old");
    await admin.createKey("new");
    const kms = { kind: "SSE-KMS", keyId: "old", context: { tenant: "north" } } as const;
    const { key, encryption } = await encryptObject(kms, { path, keys, random });
    const left = await encryptObject(kms, { path: { bucket: "bucket", object: "left" }, keys, random });
    const to = { kind: "SSE-KMS", keyId: "new" } as const;
    const rotated = await rotateEncryption(encryption, { to, path, keys, random });
    if (rotated === undefined) throw new Error("nothing was rotated");
    await admin.deleteKey("old");
    expect(bytesOf(await openEncryption(rotated, { path, keys, use: "read" }))).to.equal(bytesOf(key));
    const erased = { path: { bucket: "bucket", object: "left" }, keys, use: "read" } as const;
    await fails(() => openEncryption(left.encryption, erased), "KMS_KEY_NOT_FOUND");
    await admin.createKey("old");
    await fails(() => openEncryption(left.encryption, erased), "KMS_ALTERED");
  });
});
