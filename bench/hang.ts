/**
 * A keystore that hangs under load: `npm run hang -- --seconds 120`. An OpenBao server is stopped by SIGSTOP for so
 * long, takes connections and answers nothing; the offline window is on. What succeeds meanwhile comes from memory.
 */
import { randomInt } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { type Dek, KesClient } from "../src/client/index.js";
import { isKesError } from "../src/errors.js";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite, startCliServer } from "../test/support/cli-site.js";
import { quantile } from "../test/support/mixed-load.js";
import { service } from "../test/support/services/index.js";
import { kv2Policy, Vault } from "../test/support/vault.js";

const { values } = parseArgs({ options: { seconds: { type: "string", default: "120" } } });
const HANG_MS = Number(values.seconds) * 1_000;
/** Before the keystore hangs, and after its return. */
const CALM_MS = 20_000;
/** Tasks that ask without end, of each kind. */
const READERS = 10;
const PAUSE_MS = 50;
const COLD_PAUSE_MS = 1_000;
/** Keys that are in use all the time. */
const WARM_KEYS = 20;
/** Keys that are used in turn, so rarely that they leave the memory in between. */
const COLD_KEYS = 300;

const phases = ["before", "hanging", "after"] as const;
type Phase = (typeof phases)[number];

/** What became of one call. */
interface Call {
  readonly phase: Phase;
  readonly kind: string;
  readonly startedMs: number;
  readonly ms: number;
  /** `done`, or the code of the failure. */
  readonly outcome: string;
}

const cleanUp = new CleanUp();
try {
  await play();
} finally {
  await cleanUp.run();
}

async function play(): Promise<void> {
  const program = service("bao");
  if (program === undefined) throw new Error("OpenBao is missing: npm run services -- bao");
  const folder = await mkdtemp(join(tmpdir(), "keswick-hang-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const vault = await Vault.start(program, folder);
  cleanUp.add(() => vault.stop());
  await vault.mountKv("kv", "2");
  const { id, secret } = await vault.appRole("kes", kv2Policy("kv"));
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  await site.configure({
    server: "server:\n  workers: 2\n",
    keystore: `keystore:\n  vault:\n    endpoint: ${vault.url}\n    version: v2\n    approle:\n      id: ${id}\n      secret: ${secret}\n`,
    cache: "cache:\n  expiry:\n    any: 5s\n    unused: 5s\n    offline: 10m\n",
  });
  const server = await startCliServer(site);
  cleanUp.add(() => server.process.stop());
  const client = new KesClient({
    endpoints: server.url,
    certificate: site.admin.certPem,
    key: site.admin.keyPem,
    ca: site.server.certPem,
    environment: {},
  });
  cleanUp.add(() => client.close());

  const warm: { readonly name: string; readonly dek: Dek }[] = [];
  for (let i = 0; i < WARM_KEYS; i++) {
    const name = `warm-${i}`;
    await client.createKey(name);
    warm.push({ name, dek: await client.generateKey(name) });
  }
  for (let i = 0; i < COLD_KEYS; i += 20)
    await Promise.all(Array.from({ length: 20 }, (_, j) => client.createKey(`cold-${i + j}`)));
  // What a create leaves in memory is gone by then.
  await delay(6_000);

  console.error(`${WARM_KEYS + COLD_KEYS} keys are there; the load begins`);
  const calls: Call[] = [];
  let wrong = 0;
  let phase: Phase = "before";
  let isOver = false;
  const repeat = async (kind: string, pauseMs: number, call: (i: number) => Promise<void>): Promise<void> => {
    for (let i = 0; !isOver; i++) {
      const [began, startedMs] = [phase, performance.now()];
      const outcome = await call(i).then(
        () => "done",
        (error: unknown) => (isKesError(error) ? error.code : String(error)),
      );
      calls.push({ phase: began, kind, startedMs, ms: performance.now() - startedMs, outcome });
      await delay(randomInt(pauseMs * 2));
    }
  };
  const anyWarm = (): (typeof warm)[number] => {
    const one = warm[randomInt(warm.length)];
    if (one === undefined) throw new Error("no keys");
    return one;
  };
  let turn = 0;
  const acknowledged: string[] = [];
  const denied: string[] = [];
  const tasks = [
    ...Array.from({ length: READERS }, () =>
      repeat("decrypt, key in use", PAUSE_MS, async () => {
        const { name, dek } = anyWarm();
        if (!(await client.decrypt(name, dek.ciphertext)).equals(dek.plaintext)) wrong += 1;
      }),
    ),
    ...Array.from({ length: READERS }, () =>
      repeat("generate, key in use", PAUSE_MS, async () => void (await client.generateKey(anyWarm().name))),
    ),
    ...Array.from({ length: READERS }, () =>
      repeat("generate, key not in memory", COLD_PAUSE_MS, async () => {
        await client.generateKey(`cold-${turn++ % COLD_KEYS}`);
      }),
    ),
    repeat("create", COLD_PAUSE_MS, async (i) => {
      const name = `new-${i}`;
      try {
        await client.createKey(name);
        acknowledged.push(name);
      } catch (error) {
        if (!isKesError(error, "KEY_CREATE_UNCERTAIN")) denied.push(name);
        throw error;
      }
    }),
    repeat("ready", COLD_PAUSE_MS, () => client.ready()),
    repeat("version", COLD_PAUSE_MS, async () => void (await client.version())),
  ];
  await delay(CALM_MS);
  const { pid } = vault.process;
  phase = "hanging";
  const stoppedMs = performance.now();
  process.kill(pid, "SIGSTOP");
  try {
    await delay(HANG_MS);
  } finally {
    process.kill(pid, "SIGCONT");
  }
  phase = "after";
  const backMs = performance.now();
  // The keystore itself needs a while to work off what waits for it.
  await vault.call("GET", "kv/metadata/warm-0");
  const answersMs = performance.now() - backMs;
  await delay(CALM_MS);
  isOver = true;
  await Promise.all(tasks);

  print(["", "", "calls", "done", "p50 ms", "p99 ms", "max ms", "failures by code"]);
  for (const kind of new Set(calls.map((call) => call.kind))) {
    for (const when of phases) {
      const some = calls.filter((call) => call.kind === kind && call.phase === when);
      const done = some.filter(({ outcome }) => outcome === "done").length;
      const failures = [...new Set(some.map(({ outcome }) => outcome))]
        .filter((outcome) => outcome !== "done")
        .map((code) => `${some.filter(({ outcome }) => outcome === code).length} ${code}`);
      const times = [0.5, 0.99, 1].map((share) =>
        quantile(
          some.map(({ ms }) => ms),
          share,
        ).toFixed(1),
      );
      print([
        when === "before" ? kind : "",
        when,
        String(some.length),
        String(done),
        ...times,
        failures.join(", "),
      ]);
    }
  }
  const served = calls.filter(({ phase, outcome }) => phase === "hanging" && outcome === "done");
  const fromMemory = served.filter(({ kind }) => kind.endsWith("key in use"));
  console.log(
    `\nkeystore stopped for ${((backMs - stoppedMs) / 1_000).toFixed(1)} s; meanwhile ${fromMemory.length} calls were served with keys from memory`,
  );
  console.log(`the keystore answers ${Math.round(answersMs)} ms after its return`);
  for (const kind of ["generate, key not in memory", "create", "ready"]) {
    // Of those that began after the return, and of those that waited for it.
    const ends = calls
      .filter((call) => call.kind === kind && call.outcome === "done" && call.startedMs + call.ms > backMs)
      .map(({ startedMs, ms }) => startedMs + ms - backMs);
    console.log(`first '${kind}' done ${Math.round(Math.min(...ends))} ms after the keystore's return`);
  }
  const exists = async (name: string): Promise<boolean> =>
    client.describeKey(name).then(
      () => true,
      (error: unknown) => {
        if (isKesError(error, "KEY_NOT_FOUND")) return false;
        throw error;
      },
    );
  const count = async (names: readonly string[]): Promise<number> =>
    (await Promise.all(names.map(exists))).filter((is) => is).length;
  const lost = acknowledged.length - (await count(acknowledged));
  console.log(`creates acknowledged ${acknowledged.length}, of them lost ${lost}`);
  console.log(
    `creates that failed for certain ${denied.length}, of them there all the same ${await count(denied)}`,
  );
  const failed = calls.filter(
    ({ kind, outcome }) => kind.endsWith("key in use") && outcome !== "done",
  ).length;
  const isWell = failed + wrong + lost === 0;
  console.log(
    isWell ? "no call for a key in use failed, no wrong answer" : `FAILED: ${failed} failed, ${wrong} wrong`,
  );
  if (!isWell) process.exitCode = 1;
}

function print(cells: readonly string[]): void {
  const widths = [29, 9];
  const line = cells.map((cell, i) =>
    i < 2 ? cell.padEnd(widths[i] ?? 0) : i === 7 ? `  ${cell}` : cell.padStart(9),
  );
  console.log(line.join("").trimEnd());
}
