/** What a key server answers while its keystore is out: measured on a real server, fault by fault. */
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { routes } from "../../src/api/routes.js";
import { ApiClient, type ApiRequest } from "./api-client.js";
import { until } from "./child-process.js";
import { type Fault, FaultyKeystore, type Method, type Rule } from "./faulty-keystore.js";
import { named } from "./keystore.js";
import { startTestServer, type TestServer } from "./test-server.js";

/** How the keystore fails. */
export type Outage = "hangs" | "refuses" | "errors" | "returns garbage";
export const OUTAGES: readonly Outage[] = ["hangs", "refuses", "errors", "returns garbage"];

/** `short`: within the offline window of the keys in memory; `long`: after it. */
export type Phase = "before" | "short" | "long" | "after";

export interface OutageRow {
  readonly outage: Outage;
  readonly phase: Phase;
  readonly call: CallName;
  readonly status: number;
  /** The message of an error, the flags of the status, or nothing. */
  readonly says: string;
  readonly ms: number;
}

export interface OutageTimes {
  /** How long keys are used without asking, and for how long during an outage. */
  readonly anyMs: number;
  readonly offlineMs: number;
  /** Deadline of every route; each its own when absent. */
  readonly deadlineMs?: number;
}

const calls = {
  version: { method: "GET", path: "/version" },
  ready: { method: "GET", path: "/v1/ready" },
  status: { method: "GET", path: "/v1/status" },
  "generate, key in memory": { method: "PUT", path: "/v1/key/generate/warm" },
  "decrypt, key in memory": { method: "PUT", path: "/v1/key/decrypt/warm" },
  "describe, key in memory": { method: "GET", path: "/v1/key/describe/warm" },
  "generate, key not in memory": { method: "PUT", path: "/v1/key/generate/cold" },
  "describe, key not in memory": { method: "GET", path: "/v1/key/describe/cold" },
  create: { method: "PUT", path: "/v1/key/create/fresh" },
  delete: { method: "DELETE", path: "/v1/key/delete/old" },
  list: { method: "GET", path: "/v1/key/list/*" },
} as const satisfies Readonly<Record<string, ApiRequest>>;
export type CallName = keyof typeof calls;

/** Runs one outage from before its beginning to after its end. */
export async function runOutage(outage: Outage, times: OutageTimes): Promise<OutageRow[]> {
  const keystore = new FaultyKeystore(new MemoryKeystore());
  const { anyMs, offlineMs, deadlineMs } = times;
  const server = await startTestServer({
    keystore,
    cache: { anyMs, unusedMs: 0, offlineMs },
    ...(deadlineMs === undefined
      ? {}
      : { api: new Map(routes.map(({ path }) => [path, { skipAuth: false, timeoutMs: deadlineMs }])) }),
  });
  const client = new ApiClient("h2", server.port, server.admin);
  try {
    return await observe(server, client, keystore, outage, times);
  } finally {
    client.close();
    keystore.script = [];
    keystore.release();
    await server.close();
  }
}

async function observe(
  server: TestServer,
  client: ApiClient,
  keystore: FaultyKeystore,
  outage: Outage,
  { anyMs, offlineMs }: OutageTimes,
): Promise<OutageRow[]> {
  const ask = (request: ApiRequest) => client.send(request);
  for (const name of ["warm", "cold", "old"]) await ask({ method: "PUT", path: `/v1/key/create/${name}` });
  const { ciphertext } = JSON.parse((await ask(calls["generate, key in memory"])).body);
  const body = JSON.stringify({ ciphertext });

  const measure = async (phase: Phase, call: CallName): Promise<OutageRow> => {
    const startedMs = performance.now();
    const request = call === "decrypt, key in memory" ? { ...calls[call], body } : calls[call];
    const answer = await ask(request);
    const ms = performance.now() - startedMs;
    return { outage, phase, call, status: answer.status, says: wordsOf(call, answer.body), ms };
  };
  const measureAll = async (phase: Phase): Promise<OutageRow[]> => {
    for (const name of ["cold", "old"]) server.server.state.services.keys.forget(named(name));
    return Promise.all((Object.keys(calls) as CallName[]).map((call) => measure(phase, call)));
  };

  const generate = async (): Promise<number> => (await ask(calls["generate, key in memory"])).status;
  const rows: OutageRow[] = [];
  for (const call of ["ready", "status", "generate, key in memory"] as const)
    rows.push(await measure("before", call));

  const beganMs = performance.now();
  keystore.script = script(outage);
  // The key is due to be asked for again. Who asks first may wait for a moment; then the outage is known.
  await until("the key's age", async () => performance.now() - beganMs > anyMs, 2 * anyMs + 5_000);
  await generate();
  rows.push(...(await measureAll("short")));
  await until("the window's end", async () => (await generate()) !== 200, 2 * offlineMs + 10_000);
  rows.push(...(await measureAll("long")));

  keystore.script = [];
  keystore.release();
  await until("the keys to be back", async () => (await generate()) === 200);
  for (const call of ["ready", "status", "generate, key in memory", "decrypt, key in memory"] as const)
    rows.push(await measure("after", call));
  return rows;
}

function script(outage: Outage): Rule[] {
  const faults: Readonly<Record<Outage, Fault>> = {
    hangs: { kind: "hang" },
    refuses: { kind: "fail", code: "KEYSTORE_UNREACHABLE" },
    errors: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" },
    "returns garbage": { kind: "lie" },
  };
  const methods: readonly Method[] = ["create", "get", "delete", "list"];
  // What lies about keys may well say that it is there.
  const all: readonly Method[] = outage === "returns garbage" ? methods : [...methods, "status"];
  return all.map((method) => ({ method, fault: faults[outage] }));
}

function wordsOf(call: CallName, body: string): string {
  if (body === "") return "";
  const parsed: Record<string, unknown> = JSON.parse(body);
  if (typeof parsed.message === "string") return parsed.message;
  const flags = ["keystore_unreachable", "keystore_unavailable"].filter((name) => parsed[name] === true);
  if (call === "status") return flags.length > 0 ? flags.join(" ") : "latency known";
  return call === "list" ? `${Array.isArray(parsed.names) ? parsed.names.length : "no"} names` : "";
}

/** The rows as a table for people. */
export function outageTable(rows: readonly OutageRow[]): string {
  const cells = rows.map((row) => [
    row.outage,
    row.phase,
    row.call,
    String(row.status),
    `${row.ms.toFixed(1)} ms`,
    row.says,
  ]);
  const head = ["keystore", "outage", "call", "status", "after", "says"];
  const widths = head.map((title, i) => Math.max(title.length, ...cells.map((line) => line[i]?.length ?? 0)));
  const line = (texts: readonly string[]): string =>
    texts
      .map((text, i) => (i === 4 ? text.padStart(widths[i] ?? 0) : text.padEnd(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  return [head, widths.map((width) => "-".repeat(width)), ...cells].map(line).join("\n");
}
