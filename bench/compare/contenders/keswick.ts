/** Our server, compiled, with the configuration that the original takes as well. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Command, freePort } from "../../../test/support/child-process.js";
import { Contender } from "./contender.js";
import { prepareKeyApi } from "./key-api.js";
import type { BenchSite } from "./site.js";
import { spawnServer } from "./spawned.js";

/** Who speaks HTTP in our server. */
export type Engine = "node" | "keswick";

export interface KeswickOptions {
  readonly engine: Engine;
  /** Path of the compiled `main.js`. */
  readonly main: string;
  /** One process unless told otherwise. */
  readonly workers?: number;
  /** Tells servers of the same engine apart; the engine's name by default. */
  readonly id?: string;
  /** Arguments of Node's own, before the program. */
  readonly nodeOptions?: readonly string[];
  /** Of the server's process, besides the path. */
  readonly env?: Readonly<Record<string, string>>;
  /** False for no audit lines. */
  readonly audit?: boolean;
  /** False leaves it on all cores. */
  readonly pin?: boolean;
}

/** Starts our server with the key made and in its memory. */
export async function startKeswick(site: BenchSite, options: KeswickOptions): Promise<Contender> {
  const { engine, main, workers = 1, id = engine, nodeOptions = [], audit = true, pin, env } = options;
  const folder = join(site.folder, `keswick-${id}`);
  await mkdir(join(folder, "keys"), { recursive: true, mode: 0o700 });
  const configFile = join(folder, "kes.yml");
  const server = `server:\n  workers: ${workers}\n  http: ${engine}\n`;
  await writeFile(configFile, kesConfig(site, join(folder, "keys"), audit) + server);
  const port = await freePort();
  const command: Command = [process.execPath, ...nodeOptions, main];
  const spawned = await spawnServer(
    [...command, "server", "--config", configFile, "--addr", `127.0.0.1:${port}`],
    {
      port,
      outputFile: join(folder, "output"),
      cwd: folder,
      ...(pin === undefined ? {} : { pin }),
      ...(env === undefined ? {} : { env }),
    },
  );
  const name = engine === "node" ? "Keswick, node engine" : "Keswick, own engine";
  return new Contender(
    {
      id: `keswick-${id}`,
      name,
      version: `${await ownVersion()} on Node.js ${process.versions.node}`,
      protocols: ["h1", "h2"],
      server: spawned,
      ...(await prepareKeyApi(port, site.admin, site.client)),
    },
    site,
  );
}

/** A configuration that the original and ours take alike: keys in files, audit lines to standard output. */
export function kesConfig(site: BenchSite, keys: string, audit = true): string {
  return [
    "version: v1",
    `admin:\n  identity: ${site.admin.identity}`,
    `tls:\n  key: ${site.serverKey}\n  cert: ${site.serverCert}`,
    "policy:\n  storage:\n    allow: [/v1/key/generate/*, /v1/key/decrypt/*, /v1/key/bulk/decrypt/*, /v1/key/list/*]",
    `    identities: [${site.client.identity}]`,
    // Longer than any run: what is measured is the key from memory.
    "cache:\n  expiry:\n    any: 24h\n    unused: 24h",
    `log:\n  error: on\n  audit: ${audit ? "on" : "off"}`,
    `keystore:\n  fs:\n    path: ${keys}\n`,
  ].join("\n");
}

async function ownVersion(): Promise<string> {
  const text = await readFile(resolve(import.meta.dirname, "../../../package.json"), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
