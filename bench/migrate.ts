/**
 * Keys through three keystores with the migrating process killed all the time: `npm run migrate:crash -- 10000 20`.
 * Vault → file system → AWS Secrets Manager → a second Vault engine with transit; identical at each end.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CleanUp } from "../test/support/clean-up.js";
import { KeystoreSite, keyValue } from "../test/support/keystore-site.js";
import { CREDENTIALS, Moto, REGION } from "../test/support/moto.js";
import { service } from "../test/support/services/index.js";
import { Vault } from "../test/support/vault.js";
import { runLeg } from "./migrate/legs.js";

const [count = 10_000, kills = 20] = process.argv.slice(2).map(Number);
const PARALLEL = 32;
/** Keys a second; a faster keystore comes to its end before the last kill. */
const ASSUMED_RATE = 400;
/** moto gives fewer than a hundred keys a second. */
const CHECK_TIMEOUT_MS = 900_000;
const cleanUp = new CleanUp();
try {
  await main();
} finally {
  await cleanUp.run();
}

async function main(): Promise<void> {
  const bao = service("bao");
  if (bao === undefined) throw new Error("OpenBao is missing: npm run services -- bao");
  const site = await KeystoreSite.make();
  cleanUp.add(() => site.remove());
  const folder = await mkdtemp(join(tmpdir(), "keswick-migrate-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const vault = await Vault.start(bao, folder);
  cleanUp.add(() => vault.stop());
  const version = (await vault.call("GET", "sys/health")).body.version;
  for (const engine of ["first", "last"]) await vault.mountKv(engine, "2");
  await vault.call("POST", "sys/mounts/transit", { type: "transit" });
  await vault.call("POST", "transit/keys/kes", {});
  const values = await fillVault(vault, count);
  const at = { endpoint: vault.url, version: "v2", token: vault.rootToken };
  const stops: [name: string, config: string][] = [
    [
      `Vault (OpenBao ${String(version)}, KV 2)`,
      await site.config("first", { vault: { ...at, engine: "first" } }),
    ],
    ["file system", await site.fs("keys")],
  ];
  const aws = await awsStop(site, folder);
  if (aws !== undefined) stops.push(aws);
  const transit = { ...at, engine: "last", transit: { key: "kes" } };
  stops.push(["Vault (KV 2, transit)", await site.config("last", { vault: transit })]);

  console.log(`${count} keys, each leg's process killed up to ${kills} times`);
  for (let i = 1; i < stops.length; i++) {
    const [fromName, from] = stops[i - 1] ?? ["", ""];
    const [toName, to] = stops[i] ?? ["", ""];
    const startMs = await startMsOf(site, from, to);
    const { killed, report, seconds, peakMiB } = await runLeg({
      ...{ from, to, folder: site.folder, program: site.program, kills },
      lifeMs: () => startMs + (Math.random() * 2 * (count / ASSUMED_RATE) * 1000) / kills,
    });
    const rate = (count / seconds).toFixed(0);
    console.log(
      `${fromName} → ${toName}: killed ${killed} times, ${seconds.toFixed(1)} s in all (${rate} keys/s with the kills); ` +
        `the last run copied ${report.migrated} and found ${report.same}, ${peakMiB.toFixed(0)} MiB at most`,
    );
    const check = await site.kes(
      ["migrate", "--from", from, "--to", to, "--verify-only"],
      {},
      CHECK_TIMEOUT_MS,
    );
    console.log(`  ${check.stdout.trim()} (exit code ${check.code})`);
    if (check.code !== 0) process.exitCode = 1;
  }
  await compareWithOrigin(site, values);
}

/** How long a run takes before it copies anything. */
async function startMsOf(site: KeystoreSite, from: string, to: string): Promise<number> {
  const started = performance.now();
  await site.kes(["migrate", "no-such-key", "--from", from, "--to", to, "--dry-run"]);
  return performance.now() - started;
}

/** At the end: what the last keystore gives, by its own copy on a file system, against what was written at first. */
async function compareWithOrigin(site: KeystoreSite, values: ReadonlyMap<string, string>): Promise<void> {
  const args = ["migrate", "--from", "last.yml", "--to", await site.fs("back")];
  const back = await site.kes(args, {}, CHECK_TIMEOUT_MS);
  if (back.code !== 0) throw new Error(back.stderr);
  const found = await site.keys("back");
  const wrong = [...values].filter(([name, value]) => found[name] !== value).map(([name]) => name);
  console.log(`at the end: ${Object.keys(found).length} keys, ${wrong.length} other than at the beginning`);
  if (wrong.length > 0 || Object.keys(found).length !== values.size) process.exitCode = 1;
}

/** Written by Vault's own API in KES's layout, not by our adapter. */
async function fillVault(vault: Vault, keys: number): Promise<ReadonlyMap<string, string>> {
  const values = new Map(
    Array.from({ length: keys }, (_, i) => [
      `key-${String(i).padStart(6, "0")}`,
      keyValue().toString("latin1"),
    ]),
  );
  const waiting = [...values];
  const worker = async (): Promise<void> => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [name, value] = next;
      await vault.call("POST", `first/data/${name}`, { options: { cas: 0 }, data: { [name]: value } });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  return values;
}

async function awsStop(site: KeystoreSite, folder: string): Promise<[string, string] | undefined> {
  const program = service("moto");
  if (program === undefined) {
    console.log("skipped: AWS: moto is not installed: npm run services -- moto");
    return undefined;
  }
  const moto = await Moto.start(program, folder);
  cleanUp.add(() => moto.stop());
  const options = {
    endpoint: moto.url,
    region: REGION,
    credentials: CREDENTIALS,
    delete: { recovery_window: 0 },
  };
  return ["AWS (moto)", await site.config("aws", { aws: { secretsmanager: options } })];
}
