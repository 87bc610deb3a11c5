/**
 * What a decrypt costs when its key is not in memory, and how much of that is Vault's: next to the same read by curl on
 * a kept connection; and how long 5,000 keys take to list: `npm run vault:latency`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite } from "../test/support/cli-site.js";
import { service } from "../test/support/services/index.js";
import { Vault } from "../test/support/vault.js";
import { LATENCY_CACHE, measureLatency } from "./keystore-load/latency.js";

const program = service("bao");
if (program === undefined) throw new Error("OpenBao is missing: npm run services -- bao");
const cleanUp = new CleanUp();
try {
  await measure(program);
} finally {
  await cleanUp.run();
}

async function measure(bao: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-latency-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const vault = await Vault.start(bao, folder);
  cleanUp.add(() => vault.stop());
  await vault.mountKv("kv", "2");
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  await site.configure({
    keystore: `keystore:\n  vault:\n    endpoint: ${vault.url}\n    version: v2\n    token: ${vault.rootToken}\n`,
    cache: LATENCY_CACHE,
  });
  await measureLatency({
    ...{ name: "Vault", folder, site },
    curl: (name) => [
      `url = "${vault.url}/v1/kv/data/${name}?version=1"`,
      `header = "X-Vault-Token: ${vault.rootToken}"`,
    ],
  });
}
