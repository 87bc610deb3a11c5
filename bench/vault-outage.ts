/**
 * What clients feel while Vault is killed, restarted, sealed, unsealed, and its token revoked, under load with a warm
 * cache and the offline window on: `npm run vault:outage`, about a minute and a half.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KesClient } from "../src/client/index.js";
import { isKesError } from "../src/errors.js";
import { until } from "../test/support/child-process.js";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite, startCliServer } from "../test/support/cli-site.js";
import { DurableVault } from "../test/support/durable-vault.js";
import { service } from "../test/support/services/index.js";
import { kv2Policy } from "../test/support/vault.js";

const READERS = 8;
const STEP_MS = 10_000;

const program = service("bao");
if (program === undefined) throw new Error("OpenBao is missing: npm run services -- bao");
const cleanUp = new CleanUp();
try {
  await play(program);
} finally {
  await cleanUp.run();
}

interface Tally {
  decrypts: number;
  failedDecrypts: number;
  wrong: number;
  created: number;
  refused: number;
  unknown: number;
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
    cache: "cache:\n  expiry:\n    any: 2s\n    unused: 2s\n    offline: 5m\n",
  });
  const server = await startCliServer(site);
  cleanUp.add(() => server.process.stop());
  const client = new KesClient({
    endpoints: server.url,
    certificate: site.admin.certPem,
    key: site.admin.keyPem,
    ca: site.server.certPem,
  });
  cleanUp.add(() => client.close());

  const warm = "warm-key";
  await client.createKey(warm);
  const dek = await client.generateKey(warm);
  const acknowledged: string[] = [];
  let tally = zero();
  let isOver = false;

  const readers = Array.from({ length: READERS }, async () => {
    while (!isOver) {
      try {
        const plaintext = await client.decrypt(warm, dek.ciphertext);
        tally.decrypts++;
        if (!plaintext.equals(dek.plaintext)) tally.wrong++;
      } catch {
        tally.failedDecrypts++;
      }
      await delay(5);
    }
  });
  const writer = (async () => {
    for (let i = 0; !isOver; i++) {
      const name = `new-${i}`;
      try {
        await client.createKey(name, { timeoutMs: 15_000 });
        acknowledged.push(name);
        tally.created++;
      } catch (error) {
        if (isKesError(error, "KEY_CREATE_UNCERTAIN")) tally.unknown++;
        else tally.refused++;
      }
      await delay(50);
    }
  })();

  console.log(
    ["", "decrypts", "failed", "wrong", "created", "refused", "unknown", "back after"]
      .map((text, i) => (i === 0 ? text.padEnd(30) : text.padStart(11)))
      .join(""),
  );
  const step = async (
    what: string,
    change: () => Promise<unknown>,
    mend?: () => Promise<unknown>,
  ): Promise<void> => {
    tally = zero();
    await change();
    await delay(STEP_MS);
    let back = "";
    if (mend !== undefined) {
      await mend();
      const start = performance.now();
      const before = tally.created;
      await until("a create to succeed", async () => tally.created > before, 60_000);
      back = `${Math.round(performance.now() - start)} ms`;
    }
    const { decrypts, failedDecrypts, wrong, created, refused, unknown } = tally;
    const cells = [decrypts, failedDecrypts, wrong, created, refused, unknown, back].map((cell) =>
      String(cell).padStart(11),
    );
    console.log(what.padEnd(30) + cells.join(""));
    if (failedDecrypts + wrong > 0) process.exitCode = 1;
  };
  await step("all is well", async () => {});
  await step(
    "killed, restarted, unsealed",
    () => vault.kill(),
    async () => {
      await vault.restart();
      await vault.unseal();
    },
  );
  await step(
    "sealed, unsealed",
    () => vault.seal(),
    () => vault.unseal(),
  );
  await step("every token of the role revoked", async () => {
    await vault.call("PUT", "sys/leases/revoke-prefix/auth/approle");
  });
  isOver = true;
  await Promise.all([...readers, writer]);

  let lost = 0;
  for (const name of acknowledged) {
    await client.describeKey(name).catch(() => lost++);
  }
  console.log(`\nkeys acknowledged ${acknowledged.length}, of them lost ${lost}`);
  if (lost > 0) process.exitCode = 1;
}

function zero(): Tally {
  return { decrypts: 0, failedDecrypts: 0, wrong: 0, created: 0, refused: 0, unknown: 0 };
}
