/**
 * What clients feel while Vault is killed, restarted, sealed, unsealed, and its token revoked, under load with a warm
 * cache and the offline window on: `npm run vault:outage`, about a minute and a half.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite } from "../test/support/cli-site.js";
import { DurableVault } from "../test/support/durable-vault.js";
import { service } from "../test/support/services/index.js";
import { kv2Policy } from "../test/support/vault.js";
import { OUTAGE_CACHE, OutageLoad } from "./keystore-load/outage.js";

const program = service("bao");
if (program === undefined) throw new Error("OpenBao is missing: npm run services -- bao");
const cleanUp = new CleanUp();
try {
  await play(program);
} finally {
  await cleanUp.run();
}

async function play(bao: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-vault-outage-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const vault = await DurableVault.create(bao, folder);
  cleanUp.add(() => vault.stop());
  await vault.mountKv("kv", "2");
  const approle = await vault.appRole("kes", kv2Policy("kv"));
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  await site.configure({
    keystore:
      `keystore:\n  vault:\n    endpoint: ${vault.url}\n    version: v2\n` +
      `    approle:\n      id: ${approle.id}\n      secret: ${approle.secret}\n`,
    cache: OUTAGE_CACHE,
  });
  const load = await OutageLoad.start(site, cleanUp);
  await load.step("all is well", async () => {});
  await load.step(
    "killed, restarted, unsealed",
    () => vault.kill(),
    async () => {
      await vault.restart();
      await vault.unseal();
    },
  );
  await load.step(
    "sealed, unsealed",
    () => vault.seal(),
    () => vault.unseal(),
  );
  await load.step("every token of the role revoked", async () => {
    await vault.call("PUT", "sys/leases/revoke-prefix/auth/approle");
  });
  await load.finish();
}
