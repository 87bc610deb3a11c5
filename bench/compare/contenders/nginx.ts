/** nginx with a fixed answer over mTLS: the floor, since it neither reads what is asked nor computes anything. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, run } from "../../../test/support/child-process.js";
import type { LoadRequest } from "../generator.js";
import { Contender, OPERATIONS, type Operation } from "./contender.js";
import { KEY, post } from "./key-api.js";
import type { BenchSite } from "./site.js";
import { spawnServer } from "./spawned.js";

/** As long as the answers of a key server. */
const ANSWERS: Readonly<Record<Operation, string>> = { generate: "x".repeat(179), decrypt: "x".repeat(60) };
const CONTEXT = Buffer.from('{"bucket":"bucket/some/object-1"}').toString("base64");
const BODIES: Readonly<Record<Operation, object>> = {
  generate: { context: CONTEXT },
  decrypt: { ciphertext: "x".repeat(104), context: CONTEXT },
};

export async function startNginx(site: BenchSite, program: string): Promise<Contender> {
  const folder = join(site.folder, "nginx");
  await mkdir(folder);
  const port = await freePort();
  const file = join(folder, "nginx.conf");
  await writeFile(file, configuration(site, folder, port));
  const server = await spawnServer([program, "-p", folder, "-c", file, "-e", join(folder, "error.log")], {
    port,
    outputFile: join(folder, "access.log"),
  });
  const requests: Partial<Record<Operation, readonly LoadRequest[]>> = {};
  for (const operation of OPERATIONS) {
    const asked = post(`/v1/key/${operation}/${KEY}`, BODIES[operation]);
    requests[operation] = [{ ...asked, answer: ANSWERS[operation] }];
  }
  const { stderr } = await run([program, "-v"]);
  return new Contender(
    {
      id: "nginx",
      name: "nginx, fixed answer",
      version: /nginx\/\S+/.exec(stderr)?.[0] ?? "nginx",
      protocols: ["h1", "h2"],
      server,
      requests,
    },
    site,
  );
}

function configuration(site: BenchSite, folder: string, port: number): string {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map(
    (name) => `  ${name}_temp_path ${folder}/${name};`,
  );
  const locations = OPERATIONS.map(
    (operation) =>
      `    location /v1/key/${operation}/ { default_type application/json; return 200 "${ANSWERS[operation]}"; }`,
  );
  return [
    "daemon off;\nworker_processes 1;\nmaster_process on;",
    `pid ${folder}/nginx.pid;`,
    "events { worker_connections 12000; }",
    "http {",
    ...temporary,
    `  access_log ${folder}/access.log combined buffer=64k flush=10ms;`,
    "  server {",
    `    listen 127.0.0.1:${port} ssl http2 backlog=4096;`,
    `    ssl_certificate ${site.serverCert};\n    ssl_certificate_key ${site.serverKey};`,
    "    ssl_protocols TLSv1.2 TLSv1.3;\n    ssl_verify_client optional_no_ca;",
    "    keepalive_requests 1000000000;\n    keepalive_timeout 90s;",
    ...locations,
    "  }\n}\n",
  ].join("\n");
}
