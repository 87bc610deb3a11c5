/** OpenBao's transit engine over TLS: another server that makes and opens data keys, with its own API. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ApiClient } from "../../../test/support/api-client.js";
import { freePort, run, until } from "../../../test/support/child-process.js";
import type { LoadRequest } from "../generator.js";
import { Contender, send } from "./contender.js";
import { KEY } from "./key-api.js";
import type { BenchSite } from "./site.js";
import { spawnServer } from "./spawned.js";

const VARIANTS = 32;

export async function startOpenBao(site: BenchSite, program: string): Promise<Contender> {
  const folder = join(site.folder, "bao");
  await mkdir(folder);
  const port = await freePort();
  const outputFile = join(folder, "output");
  const file = join(folder, "bao.hcl");
  await writeFile(file, configuration(site, port, outputFile));
  const server = await spawnServer([program, "server", "-config", file, "-log-level=error"], {
    port,
    outputFile,
    env: { HOME: folder },
    cwd: folder,
  });
  const client = new ApiClient("h1", port, site.client);
  const token = await unseal(client);
  const headers = { "x-vault-token": token, "content-type": "application/json" };
  const call = async (method: string, path: string, body: object): Promise<string> => {
    const answer = await send(client, { method, path: `/v1/${path}`, headers, body: JSON.stringify(body) });
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.body}`);
    return answer.body;
  };
  await call("POST", "sys/mounts/transit", { type: "transit" });
  await call("POST", `transit/keys/${KEY}`, { derived: true });

  const post = (path: string, body: object): LoadRequest => {
    return { method: "POST", path: `/v1/${path}`, headers, body: JSON.stringify(body) };
  };
  const opening = ({ body = "{}" }: LoadRequest, ciphertext: string): LoadRequest => {
    const { context } = JSON.parse(body) as { context: string };
    return post(`transit/decrypt/${KEY}`, { ciphertext, context });
  };
  const generate: LoadRequest[] = [];
  const decrypt: LoadRequest[] = [];
  for (let i = 0; i < VARIANTS; i++) {
    const context = Buffer.from(`{"bucket":"bucket/some/object-${i}"}`).toString("base64");
    const request = post(`transit/datakey/plaintext/${KEY}`, { context });
    generate.push(request);
    const answer = await call("POST", `transit/datakey/plaintext/${KEY}`, { context });
    const { data } = JSON.parse(answer) as { data: { plaintext: string; ciphertext: string } };
    decrypt.push({ ...opening(request, data.ciphertext), plaintext: data.plaintext });
  }
  const { stdout } = await run([program, "version"], { env: { HOME: folder } });
  return new Contender(
    {
      id: "openbao",
      name: "OpenBao transit",
      version: /v[\d.]+/.exec(stdout)?.[0] ?? "",
      protocols: ["h1", "h2"],
      server,
      requests: { generate, decrypt },
      opening,
    },
    site,
  );
}

/** @returns a token with every right */
async function unseal(client: ApiClient): Promise<string> {
  let root = "";
  await until("OpenBao to be initialized", async () => {
    const body = JSON.stringify({ secret_shares: 1, secret_threshold: 1 });
    const answer = await client.send({ method: "PUT", path: "/v1/sys/init", body });
    if (answer.status !== 200) return false;
    const { keys, root_token } = JSON.parse(answer.body) as { keys: string[]; root_token: string };
    await client.ok("PUT", "/v1/sys/unseal", { key: keys[0] });
    root = root_token;
    return true;
  });
  await until("OpenBao to be unsealed", async () => {
    return (await client.send({ method: "GET", path: "/v1/sys/health" })).status === 200;
  });
  return root;
}

/** An audit device as well: every one of our requests leaves a line. */
function configuration(site: BenchSite, port: number, outputFile: string): string {
  return `
storage "inmem" {}
disable_mlock = true
api_addr = "https://127.0.0.1:${port}"
listener "tcp" {
  address = "127.0.0.1:${port}"
  tls_cert_file = "${site.serverCert}"
  tls_key_file = "${site.serverKey}"
  tls_disable_client_certs = false
}
audit "file" "lines" {
  options = { file_path = "${outputFile}.audit" }
}
`;
}
