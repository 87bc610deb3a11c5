/**
 * A server under steady load for a long time: `npm run soak` (ten minutes; `--seconds 86400` for a day). Requests at a
 * fixed rate over connections that come and go, a reload every 20 s. Says at the end whether memory and descriptors
 * stay where they are, and fails when they do not, or when a request did.
 *
 * What each process keeps for reloads, whose memory is given back late, grows for the first hundred of them and no
 * further. They are made first, so that ten minutes can tell that from a leak.
 *
 * Options: `--seconds`, `--rate` requests a second, `--connections`, `--workers`, `--reload` seconds between reloads,
 * `--warm-up` reloads before the first sample.
 */
import { readdir, readFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ApiClient } from "../test/support/api-client.js";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite, startCliServer } from "../test/support/cli-site.js";
import { workerPids } from "../test/support/worker-pids.js";
import { type Sample, verdictOf } from "./soak/verdict.js";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    rate: { type: "string", default: "1000" },
    connections: { type: "string", default: "32" },
    workers: { type: "string", default: "2" },
    reload: { type: "string", default: "20" },
    "warm-up": { type: "string", default: "120" },
  },
});
const seconds = Number(values.seconds);
const rate = Number(values.rate);
const SAMPLE_MS = Math.max(1_000, Math.min(10_000, (seconds * 1_000) / 60));
const TICK_MS = 10;
/** Between two reloads before the first sample. */
const WARM_UP_MS = 300;
/** A connection is replaced after so many requests, so that each lives for some seconds. */
const REQUESTS_OF_ONE = 200;

const cleanUp = new CleanUp();
try {
  process.exitCode = await soak();
} finally {
  await cleanUp.run();
}

async function soak(): Promise<number> {
  const site = await makeCliSite();
  cleanUp.add(() => site.remove());
  await site.configure({ server: `server:\n  workers: ${values.workers}\n` });
  const server = await startCliServer(site);
  cleanUp.add(() => server.process.stop());
  const setUp = new ApiClient("h2", server.port, site.admin);
  await setUp.ok("PUT", "/v1/key/create/soak");
  const dek = (await setUp.ok("PUT", "/v1/key/generate/soak")) as { ciphertext: string; plaintext: string };
  const decrypt = {
    method: "PUT",
    path: "/v1/key/decrypt/soak",
    body: JSON.stringify({ ciphertext: dek.ciphertext }),
  };
  const generate = { method: "PUT", path: "/v1/key/generate/soak" };

  const state = {
    sent: 0,
    answered: 0,
    underWay: 0,
    opened: 0,
    skipped: 0,
    wrong: new Map<string, number>(),
  };
  let times: number[] = [];
  const note = (what: string): void => void state.wrong.set(what, (state.wrong.get(what) ?? 0) + 1);
  const open = (): { client: ApiClient; left: number; waiting: number } => {
    state.opened += 1;
    return { client: new ApiClient("h2", server.port, site.admin), left: REQUESTS_OF_ONE, waiting: 0 };
  };
  const connections = Array.from({ length: Number(values.connections) }, (_, i) => {
    const one = open();
    // Not all of them at the same time.
    one.left = 1 + Math.floor((REQUESTS_OF_ONE * (i + 1)) / Number(values.connections));
    return one;
  });
  const send = async (): Promise<void> => {
    const slot = state.sent++ % connections.length;
    let one = connections[slot];
    if (one === undefined || one.left === 0) {
      one = open();
      connections[slot] = one;
    }
    one.left -= 1;
    one.waiting += 1;
    const startedMs = performance.now();
    state.underWay += 1;
    try {
      const asked = state.sent % 2 === 0 ? generate : decrypt;
      const { status, body } = await one.client.send(asked);
      if (status !== 200) note(`status ${status}`);
      else if (asked === decrypt && !body.includes(dek.plaintext)) note("a wrong answer");
      state.answered += 1;
    } catch (error) {
      note(error instanceof Error ? error.message : String(error));
    }
    state.underWay -= 1;
    one.waiting -= 1;
    // Only now: Node's client gives up what it has not sent yet when it is closed.
    if (one.left === 0 && one.waiting === 0) one.client.close();
    times.push(performance.now() - startedMs);
  };

  let startedMs = performance.now();
  let due = 0;
  const ticker = setInterval(() => {
    const wanted = Math.floor(((performance.now() - startedMs) / 1_000) * rate);
    for (; due < wanted; due++) {
      // Clients that wait do not ask more: a slow machine must not make a queue without end.
      if (state.underWay < connections.length * 8) void send();
      else state.skipped += 1;
    }
  }, TICK_MS);
  const reloads = () => server.process.stdout.split("=> Reloading configuration").length - 1;
  for (let i = 0; i < Number(values["warm-up"]); i++) {
    server.process.signal("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, WARM_UP_MS));
  }
  const reloader = setInterval(() => server.process.signal("SIGHUP"), Number(values.reload) * 1_000);
  const samples: Sample[] = [];
  let answeredBefore = state.answered;
  startedMs = performance.now();
  due = 0;
  console.log(row(["second", "requests/s", "p50 ms", "p99 ms", "RSS MiB", "descriptors", "loop p99 ms"]));
  while (performance.now() - startedMs < seconds * 1_000) {
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    const { pid } = server.process;
    const used = await usage([pid, ...(await workerPids(pid))]);
    const atS = (performance.now() - startedMs) / 1_000;
    const loopMs = await loopDelayMs(setUp);
    samples.push({ atS, ...used, loopMs });
    times.sort((a, b) => a - b);
    const at = (share: number): string => (times[Math.floor(times.length * share)] ?? 0).toFixed(1);
    const perSecond = ((state.answered - answeredBefore) / SAMPLE_MS) * 1_000;
    answeredBefore = state.answered;
    console.log(
      row([
        atS.toFixed(0),
        perSecond.toFixed(0),
        ...[at(0.5), at(0.99)],
        (used.rssBytes / 2 ** 20).toFixed(1),
        String(used.descriptors),
        loopMs?.toFixed(1) ?? "?",
      ]),
    );
    times = [];
  }
  clearInterval(ticker);
  clearInterval(reloader);
  while (state.underWay > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  for (const { client } of connections) client.close();
  setUp.close();

  const verdict = verdictOf(samples, [...state.wrong]);
  console.log(
    `\n${state.answered} requests answered (${state.skipped} not sent: the machine was too slow), ` +
      `${state.opened} connections, about ${reloads()} reloads`,
  );
  for (const line of verdict.lines) console.log(line);
  return verdict.ok ? 0 : 1;
}

/** Of all processes together. */
async function usage(pids: readonly number[]): Promise<{ rssBytes: number; descriptors: number }> {
  const all = await Promise.all(
    pids.map(async (pid) => {
      const status = await readFile(`/proc/${pid}/status`, "utf8");
      const kib = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0);
      return { rssBytes: kib * 1024, descriptors: (await readdir(`/proc/${pid}/fd`)).length };
    }),
  );
  return {
    rssBytes: all.reduce((sum, one) => sum + one.rssBytes, 0),
    descriptors: all.reduce((sum, one) => sum + one.descriptors, 0),
  };
}

/** The worst of the workers' event loops, as the server itself measures it. */
async function loopDelayMs(client: ApiClient): Promise<number | undefined> {
  const { body } = await client.send({ method: "GET", path: "/v1/metrics/full" });
  const found = [...body.matchAll(/^kes_event_loop_delay_p99_seconds\S* (\S+)$/gm)];
  return found.length === 0 ? undefined : Math.max(...found.map(([, value]) => Number(value) * 1_000));
}

function row(cells: readonly string[]): string {
  return cells.map((cell) => cell.padStart(12)).join("");
}
