/** The storage module's keys straight from Vault's transit engine, as MinIO took them until 2021. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { systemClock } from "../../src/client/clock.js";
import { secureRandom } from "../../src/crypto/random.js";
import { checkKey, prepareDefaultKey } from "../../src/storage/keys/key-check.js";
import type { KeyService } from "../../src/storage/keys/key-service.js";
import { openKeyService } from "../../src/storage/keys/open.js";
import { readKeySettings } from "../../src/storage/keys/settings.js";
import { CleanUp } from "../support/clean-up.js";
import { requireService } from "../support/services/index.js";
import { Vault } from "../support/vault.js";
import { fails } from "../unit/storage/sse/support.js";

const POLICY = ["datakey/plaintext/*", "decrypt/*", "keys/*"]
  .map((path) => `path "transit/${path}" { capabilities = ["create", "read", "update"] }`)
  .concat('path "transit/datakey/plaintext/denied" { capabilities = ["deny"] }')
  .join("\n");

describe("interop: the storage module and Vault's transit engine", function () {
  this.timeout(40_000);
  const cleanUp = new CleanUp();
  const context = { bucket: "bucket/object" };
  let vault: Vault;
  let keys: KeyService;

  before(async function () {
    const program = requireService(this, "bao");
    const folder = await mkdtemp(join(tmpdir(), "keswick-transit-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    vault = await Vault.start(program, folder);
    cleanUp.add(() => vault.stop());
    await vault.call("POST", "sys/mounts/transit", { type: "transit" });
    const { id, secret } = await vault.appRole("storage", POLICY);
    const environment = {
      MINIO_SSE_VAULT_ENDPOINT: vault.url,
      MINIO_SSE_VAULT_APPROLE_ID: id,
      MINIO_SSE_VAULT_APPROLE_SECRET: secret,
      MINIO_SSE_VAULT_KEY_NAME: "my-key",
    };
    const { keys: settings } = await readKeySettings(environment, async () => undefined);
    if (settings === undefined) throw new Error("no settings");
    keys = await openKeyService(settings, { environment: {}, random: secureRandom, clock: systemClock });
    cleanUp.add(() => keys.close());
  });

  after(() => cleanUp.run());

  it("makes the default key, which binds the context", async () => {
    await fails(() => keys.generate(undefined, context), "KMS_KEY_NOT_FOUND");
    expect(await prepareDefaultKey(keys)).to.equal("created");
    expect(await prepareDefaultKey(keys)).to.equal("ready");
    await fails(() => keys.createKey("my-key"), "KMS_KEY_EXISTS");
    const dek = await keys.generate(undefined, context);
    expect(await keys.decrypt("my-key", dek.ciphertext, context)).to.deep.equal(dek.plaintext);
    await fails(() => keys.decrypt("my-key", dek.ciphertext, { bucket: "bucket/other" }), "KMS_ALTERED");
  });

  it("opens under the right key alone", async () => {
    await keys.createKey("other");
    const dek = await keys.generate("other", context);
    await fails(() => keys.decrypt("my-key", dek.ciphertext, context), "KMS_ALTERED");
    await fails(() => keys.decrypt("none", dek.ciphertext, context), "KMS_KEY_NOT_FOUND");
    await fails(() => keys.decrypt("other", Buffer.from("vault:v9:AAAA"), context), "KMS_ALTERED");
    expect(await checkKey(keys, "other")).to.deep.equal({ keyName: "other" });
    const failed = await checkKey(keys, "denied");
    expect(failed.encryptionError?.reason).to.equal("KMS_DENIED");
  });

  it("comes back by itself after Vault was sealed", async () => {
    const dek = await keys.generate(undefined, context);
    await vault.call("PUT", "sys/seal", {});
    expect((await keys.status()).endpoints[0]?.isOnline).to.equal(false);
    await fails(() => keys.decrypt("my-key", dek.ciphertext, context), "KMS_UNAVAILABLE");
    await vault.unseal();
    expect(await keys.decrypt("my-key", dek.ciphertext, context)).to.deep.equal(dek.plaintext);
    expect((await keys.status()).endpoints[0]?.isOnline).to.equal(true);
  });
});
