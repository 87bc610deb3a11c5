/** Starts a KES server, ours or the original, as a child process on a site's configuration. */
import { readFile } from "node:fs/promises";
import { request } from "node:https";
import type { Context } from "mocha";
import { type Command, freePort, RunningProcess } from "./child-process.js";
import type { Credentials, KesSite } from "./kes-site.js";
import { requireService } from "./services/index.js";

/** Which program is under test. */
export type ServerKind = "ours" | "original";

const PROBE_TIMEOUT_MS = 2_000;

/**
 * The kind that `KESWICK_INTEROP_SERVER` names, ours by default. A suite that passes against the original
 * has proved itself, so a failure against ours is ours.
 */
export function serverUnderTest(): ServerKind {
  const kind = process.env.KESWICK_INTEROP_SERVER ?? "ours";
  if (kind === "ours" || kind === "original") return kind;
  throw new Error(`KESWICK_INTEROP_SERVER is '${kind}', neither 'ours' nor 'original'`);
}

/**
 * The command that runs `kes`, without arguments.
 * `KESWICK_COMMAND` replaces ours, to test a built package: `KESWICK_COMMAND="node dist/src/cli/main.js"`.
 */
export function kesCommand(context: Context, kind: ServerKind): Command {
  if (kind === "original") return [requireService(context, "kes")];
  const [program, ...args] = (process.env.KESWICK_COMMAND ?? "").split(" ").filter((word) => word !== "");
  if (program !== undefined) return [program, ...args];
  return [process.execPath, "--import", "tsx", "src/cli/main.ts"];
}

/** A running server and how to reach it. */
export interface KesServer {
  /** `https://127.0.0.1:<port>` */
  readonly endpoint: string;
  readonly port: number;
  readonly process: RunningProcess;
}

/** Starts `command server` on the site's configuration and waits for it to answer. */
export async function startKes(command: Command, site: KesSite, port?: number): Promise<KesServer> {
  const chosen = port ?? (await freePort());
  const endpoint = `https://127.0.0.1:${chosen}`;
  const running = await RunningProcess.start(
    [...command, "server", "--config", site.configFile, "--addr", `127.0.0.1:${chosen}`],
    () => answers(endpoint, site),
  );
  return { endpoint, port: chosen, process: running };
}

export interface KesReply {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly text: string;
}

/** One request over a connection of its own, as `credentials`. `body` is sent as JSON. */
export async function ask(
  endpoint: string,
  credentials: Credentials,
  { method, path, body }: { readonly method: string; readonly path: string; readonly body?: unknown },
): Promise<KesReply> {
  const [key, cert] = await Promise.all([readFile(credentials.keyFile), readFile(credentials.certFile)]);
  const payload = body === undefined ? undefined : JSON.stringify(body);
  return new Promise((resolve, reject) => {
    // What a client must check of the server's certificate is tested elsewhere; here the port is ours.
    const options = { method, key, cert, rejectUnauthorized: false, agent: false, timeout: PROBE_TIMEOUT_MS };
    const outgoing = request(`${endpoint}${path}`, options, (incoming) => {
      let text = "";
      incoming.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      incoming.on("error", reject);
      incoming.on("end", () =>
        resolve({ status: incoming.statusCode ?? 0, contentType: incoming.headers["content-type"], text }),
      );
    });
    outgoing.on("timeout", () => outgoing.destroy(new Error(`no answer within ${PROBE_TIMEOUT_MS} ms`)));
    outgoing.on("error", reject);
    outgoing.end(payload);
  });
}

async function answers(endpoint: string, site: KesSite): Promise<boolean> {
  try {
    return (await ask(endpoint, site.admin, { method: "GET", path: "/v1/ready" })).status === 200;
  } catch {
    return false;
  }
}
