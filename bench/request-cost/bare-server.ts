/** Node's own servers with TLS, reading a body and sending an answer as long as that of a generate: the least it can cost. */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { createSecureServer, type Http2SecureServer, type SecureServerOptions } from "node:http2";
import { createServer, type Server, type ServerOptions } from "node:https";
import { fileURLToPath } from "node:url";
import { selfSigned } from "../../test/support/certificates.js";
import type { Credentials } from "../../test/support/raw-http1.js";
import type { Target } from "../../test/support/send.js";

export interface BareServer extends Target {
  readonly admin: Credentials;
  stats(): Promise<{ readonly cpuMicros: number }>;
  stop(): Promise<void>;
}

/** Length of the answer of a generate. */
const ANSWER = `${"x".repeat(174)}\n`;

/** Starts a server in a process of its own. */
export async function startBareServer(version: "h1" | "h2"): Promise<BareServer> {
  const child = fork(fileURLToPath(import.meta.url), ["serve", version], { execArgv: ["--import", "tsx"] });
  const kill = (): boolean => child.kill("SIGKILL");
  process.once("exit", kill);
  const started = (await message(child)) as Target & { admin: Credentials };
  return {
    ...started,
    async stats() {
      const answer = message(child);
      child.send("stats");
      return (await answer) as { cpuMicros: number };
    },
    async stop() {
      process.off("exit", kill);
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

async function message(child: ChildProcess): Promise<unknown> {
  const [value] = await once(child, "message");
  return value;
}

function serve(version: string | undefined): void {
  const certificate = selfSigned({ algorithm: "p256" });
  const admin = selfSigned({ cn: "admin" });
  const options = {
    key: certificate.keyPem,
    cert: certificate.certPem,
    requestCert: true,
    rejectUnauthorized: false,
  };
  const server = version === "h1" ? serveH1(options) : serveH2(options);
  server.listen(0, "127.0.0.1", () => {
    const address = server.address();
    const port = typeof address === "object" && address !== null ? address.port : 0;
    process.send?.({
      url: `https://127.0.0.1:${port}`,
      ca: { certPem: certificate.certPem },
      admin: { certPem: admin.certPem, keyPem: admin.keyPem },
    });
  });
  process.on("message", () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ cpuMicros: user + system });
  });
  process.on("disconnect", () => process.exit(0));
}

const HEADERS = { "content-type": "application/json", "content-length": ANSWER.length };

function serveH1(options: ServerOptions): Server {
  return createServer(options, (request, response) => {
    request.on("data", () => undefined);
    request.on("end", () => {
      response.writeHead(200, HEADERS);
      response.end(ANSWER);
    });
  });
}

/** Without a listener for `request`, which would add Node's compatibility layer. */
function serveH2(options: SecureServerOptions): Http2SecureServer {
  const server = createSecureServer(options);
  server.on("stream", (stream) => {
    stream.on("data", () => undefined);
    stream.on("end", () => {
      stream.respond({ ":status": 200, ...HEADERS });
      stream.end(ANSWER);
    });
  });
  return server;
}

if (process.argv[2] === "serve") serve(process.argv[3]);
