/** The vault keystore against an OpenBao server that others wrote. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { VaultOptions } from "../../keystores/vault/config.js";
import { openVault, realEnvironment } from "../../keystores/vault/index.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { CleanUp } from "../support/clean-up.js";
import { requireService } from "../support/services/index.js";
import { kv2Policy, Vault } from "../support/vault.js";
import { keystoreConformance } from "./conformance.js";

type Place = Pick<VaultOptions, "engine" | "version"> & Partial<VaultOptions>;

describe("keystores/vault against OpenBao", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let vault: Vault;
  let next = 0;

  before(async function () {
    const program = requireService(this, "bao");
    const folder = await mkdtemp(join(tmpdir(), "keswick-vault-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    vault = await Vault.start(program, folder);
    cleanUp.add(() => vault.stop());
  });
  after(() => cleanUp.run());

  const options = (place: Place): VaultOptions => ({ endpoint: vault.url, ...place });
  const open = (place: Place): Promise<Keystore> =>
    openVault(options(place), () => {}, { ...realEnvironment, variables: {} });

  /** A fresh engine for each test, and a way to open it again. */
  function kind(prepare: (engine: string) => Promise<Place>): {
    open: () => Promise<Keystore>;
    second: () => Promise<Keystore>;
  } {
    let place: Place;
    return {
      async open() {
        place = await prepare(`kv-${next++}`);
        return open(place);
      },
      second: () => open(place),
    };
  }

  const v2 = kind(async (engine) => {
    await vault.mountKv(engine, "2");
    return { engine, version: "v2", token: vault.rootToken };
  });
  keystoreConformance("OpenBao, KV version 2", v2.open, { second: v2.second });

  const v1 = kind(async (engine) => {
    await vault.mountKv(engine, "1");
    return { engine, version: "v1", prefix: "a/b", token: vault.rootToken, v1: { allow_racy_create: true } };
  });
  keystoreConformance("OpenBao, KV version 1", v1.open, { second: v1.second });

  const transit = kind(async (engine) => {
    await vault.mountKv(engine, "2");
    await vault.call("POST", `sys/mounts/transit-${engine}`, { type: "transit" });
    await vault.call("POST", `transit-${engine}/keys/kes`, {});
    return {
      engine,
      version: "v2",
      token: vault.rootToken,
      transit: { engine: `transit-${engine}`, key: "kes" },
    };
  });
  keystoreConformance("OpenBao, KV version 2 and transit", transit.open, { second: transit.second });

  const namespaced = kind(async (engine) => {
    const namespace = `ns-${engine}`;
    await vault.call("POST", `sys/namespaces/${namespace}`, {});
    await vault.mountKv(engine, "2", namespace);
    const approle = await vault.appRole("kes", kv2Policy(engine, "keys"), { namespace });
    return { engine, version: "v2", namespace, prefix: "keys", approle: { engine: "approle", ...approle } };
  });
  keystoreConformance("OpenBao, KV version 2, a namespace and AppRole", namespaced.open, {
    second: namespaced.second,
  });
});
