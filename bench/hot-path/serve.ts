/**
 * The key server of a build, in a process of its own: `serve.ts <root of the build>`. It gets its certificate and the
 * client's identity from its parent, tells its port, and then what it has used and how long its event loop was held, as often as it is asked.
 */
import { createHistogram } from "node:perf_hooks";
import { createSecureContext } from "node:tls";
import { pathToFileURL } from "node:url";
import type { MemoryKeystore } from "../../keystores/memory/store.js";
import type { LineWriter } from "../../src/audit/line-writer.js";
import type { Config } from "../../src/config/config.js";
import type { KeyServer } from "../../src/server/start.js";
import type { TlsSettings } from "../../src/server/tls.js";

/** What the parent sends first. */
export interface ServeOrder {
  /** Without what cannot go from process to process. */
  readonly config: object;
  readonly certPem: string;
  readonly keyPem: string;
  /** Patterns that the client may use. */
  readonly allow: readonly string[];
  readonly identity: string;
}

/** What the child answers. */
export interface Usage {
  readonly cpuMicros: number;
  /**
   * Milliseconds of CPU time that rounds of the event loop took, so that others' load does not count; of the whole
   * process, its helper threads too.
   */
  readonly rounds: { readonly p50: number; readonly p99: number; readonly max: number };
}

interface Build {
  readonly MemoryKeystore: typeof MemoryKeystore;
  readonly KeyServer: typeof KeyServer;
  readonly lineWriter: (fd: 1 | 2) => LineWriter;
  readonly compilePattern: (pattern: string, meaning: "current") => { matches: (path: string) => boolean };
}

async function load(root: string): Promise<Build> {
  const parts: Record<string, unknown> = {};
  for (const path of [
    "keystores/memory/store",
    "src/server/start",
    "src/audit/line-writer",
    "src/policy/pattern",
  ])
    Object.assign(parts, await import(pathToFileURL(`${root}/dist/${path}.js`).href));
  return parts as unknown as Build;
}

async function serve(root: string, order: ServeOrder): Promise<void> {
  const build = await load(root);
  const tls: TlsSettings = {
    context: createSecureContext({
      key: order.keyPem,
      cert: order.certPem,
      minVersion: "TLSv1.2",
      sessionIdContext: "bench",
    }),
    requireCertificate: true,
    verifyCertificate: false,
    roots: undefined,
    ticketScope: "bench",
    notAfterMs: Date.now() + 86_400_000,
  };
  const allow = order.allow.map((pattern) => ({ pattern, ...build.compilePattern(pattern, "current") }));
  const config = {
    ...order.config,
    api: new Map(),
    policies: [{ name: "bench", policy: { allow, deny: [] }, identities: [order.identity] }],
  } as unknown as Config;
  const server = await build.KeyServer.prepare({
    version: "bench",
    commit: "",
    config,
    open: async () => new build.MemoryKeystore(),
    stdout: build.lineWriter(1),
    stderr: build.lineWriter(2),
    tls,
  });
  const { port } = await server.listen();
  const rounds = createHistogram();
  let isWatched = false;
  let last = 0;
  // Spins as long as it watches, which costs what it measures; therefore not while costs are measured.
  const watch = (): void => {
    const { user, system } = process.cpuUsage();
    const now = user + system;
    if (last > 0) rounds.record(Math.max(1, now - last));
    last = now;
    if (isWatched) setImmediate(watch);
  };
  process.on("message", (what) => {
    if (what === "watch") {
      isWatched = true;
      last = 0;
      watch();
      return;
    }
    isWatched = false;
    const { user, system } = process.cpuUsage();
    const usage: Usage = {
      cpuMicros: user + system,
      rounds: { p50: rounds.percentile(50) / 1e3, p99: rounds.percentile(99) / 1e3, max: rounds.max / 1e3 },
    };
    rounds.reset();
    process.send?.(usage);
  });
  process.send?.({ port });
}

if (process.send !== undefined)
  process.once("message", (order) => void serve(process.argv[2] ?? ".", order as ServeOrder));
process.on("disconnect", () => process.exit(0));
process.on("SIGTERM", () => process.exit(0));
