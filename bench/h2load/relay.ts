/** HAProxy between h2load and a server: h2load has no client certificate of its own. It passes bytes on, no requests. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../test/support/child-process.js";
import { type Spawned, spawnServer } from "../compare/contenders/spawned.js";
import type { Protocol, Setup } from "../compare/generator.js";
import { pinned } from "../compare/pinning.js";

export interface CertifyingRelay {
  /** Without TLS. */
  readonly url: string;
  stop(): Promise<void>;
}

/** @param folder - for its files */
export async function startRelay(
  haproxy: string,
  folder: string,
  { url, cert, key }: Setup,
  protocol: Protocol,
): Promise<CertifyingRelay> {
  const port = await freePort();
  const to = new URL(url).port;
  const name = `relay-${to}-${protocol}`;
  const credentials = join(folder, `${name}.pem`);
  const file = join(folder, `${name}.cfg`);
  const pem = await Promise.all([readFile(cert, "utf8"), readFile(key, "utf8")]);
  await writeFile(credentials, pem.join("\n"), { mode: 0o600 });
  const alpn = protocol === "h2" ? "h2" : "http/1.1";
  const lines = [
    "global",
    "  maxconn 1000",
    "  nbthread 1",
    "defaults",
    "  mode tcp",
    ...["  timeout connect 10s", "  timeout client 60s", "  timeout server 60s"],
    "listen relay",
    `  bind 127.0.0.1:${port}`,
    `  server one 127.0.0.1:${to} ssl verify none crt ${credentials} alpn ${alpn}`,
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  const running: Spawned = await spawnServer(pinned("generator", [haproxy, "-db", "-f", file]), {
    ...{ port, outputFile: join(folder, `${name}.log`), pin: false },
  });
  return { url: `http://127.0.0.1:${port}`, stop: () => running.stop() };
}
