/** Starts an OpenBao server, which speaks Vault's API, and prepares engines and log-ins in it. */
import { randomBytes } from "node:crypto";
import { mkdir } from "node:fs/promises";
import { freePort, RunningProcess } from "./child-process.js";

const START_TIMEOUT_MS = 15_000;

export interface VaultReply {
  readonly status: number;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A development server: in memory, unsealed. */
export class Vault {
  readonly url: string;
  readonly rootToken: string;
  process: RunningProcess;

  protected constructor(url: string, rootToken: string, running: RunningProcess) {
    this.url = url;
    this.rootToken = rootToken;
    this.process = running;
  }

  /** @param program - the binary `bao` */
  static async start(program: string, folder: string): Promise<Vault> {
    const address = `127.0.0.1:${await freePort()}`;
    const url = `http://${address}`;
    const rootToken = randomBytes(12).toString("hex");
    await mkdir(folder, { recursive: true });
    const running = await RunningProcess.start(
      [
        program,
        "server",
        "-dev",
        `-dev-listen-address=${address}`,
        "-dev-no-store-token",
        "-log-level=error",
      ],
      () => isUp(url),
      { cwd: folder, env: { HOME: folder, BAO_DEV_ROOT_TOKEN_ID: rootToken } },
    );
    return new Vault(url, rootToken, running);
  }

  /** A call with the root token. @throws Error for a status of 400 or more */
  async call(method: string, path: string, body?: object, namespace?: string): Promise<VaultReply> {
    const reply = await this.try(method, path, body, { namespace });
    if (reply.status >= 400)
      throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reply;
  }

  async try(
    method: string,
    path: string,
    body?: object,
    { namespace, token = this.rootToken }: { namespace?: string | undefined; token?: string } = {},
  ): Promise<VaultReply> {
    const response = await fetch(`${this.url}/v1/${path}`, {
      method,
      headers: {
        "x-vault-token": token,
        ...(namespace === undefined ? {} : { "x-vault-namespace": namespace }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(START_TIMEOUT_MS),
    });
    const text = await response.text();
    return { status: response.status, body: text === "" ? {} : JSON.parse(text) };
  }

  /** Mounts a KV engine. */
  async mountKv(path: string, version: "1" | "2", namespace?: string): Promise<void> {
    await this.call("POST", `sys/mounts/${path}`, { type: "kv", options: { version } }, namespace);
  }

  /** An AppRole with `policy`. @returns its log-in */
  async appRole(
    name: string,
    policy: string,
    { namespace, ttl = "1h" }: { namespace?: string; ttl?: string } = {},
  ): Promise<{ id: string; secret: string }> {
    const mounts = await this.call("GET", "sys/auth", undefined, namespace);
    if (!("approle/" in mounts.body)) {
      await this.call("POST", "sys/auth/approle", { type: "approle" }, namespace);
    }
    await this.call("PUT", `sys/policies/acl/${name}`, { policy }, namespace);
    const role = { token_policies: [name], token_ttl: ttl, token_no_default_policy: false };
    await this.call("POST", `auth/approle/role/${name}`, role, namespace);
    const id = await this.call("GET", `auth/approle/role/${name}/role-id`, undefined, namespace);
    const secret = await this.call("POST", `auth/approle/role/${name}/secret-id`, {}, namespace);
    return { id: member(id, "role_id"), secret: member(secret, "secret_id") };
  }

  /** A token of its own, with every right. */
  async token(): Promise<string> {
    const reply = await this.call("POST", "auth/token/create", { policies: ["root"], ttl: "1h" });
    const auth = reply.body.auth;
    if (typeof auth === "object" && auth !== null && "client_token" in auth) return String(auth.client_token);
    throw new Error("the reply has no token");
  }

  /** With the key that a development server prints when it starts. */
  async unseal(): Promise<void> {
    const unsealKey = /Unseal Key: (\S+)/.exec(this.process.stdout)?.[1];
    if (unsealKey === undefined) throw new Error("the server did not print its unseal key");
    await this.call("PUT", "sys/unseal", { key: unsealKey });
  }

  async stop(): Promise<void> {
    await this.process.stop();
  }
}

/** A text of a reply's `data`. */
export function member(reply: VaultReply, name: string): string {
  const data = reply.body.data;
  const value =
    typeof data === "object" && data !== null
      ? Object.entries(data).find(([key]) => key === name)?.[1]
      : undefined;
  if (typeof value !== "string") throw new Error(`the reply has no ${name}`);
  return value;
}

/** The least policy for a KV engine of version 2 (KES keystore reference §6.7). */
export function kv2Policy(engine: string, prefix = ""): string {
  const at = prefix === "" ? "" : `${prefix}/`;
  return [
    `path "${engine}/data/${at}*" { capabilities = ["create", "read"] }`,
    `path "${engine}/metadata/${at}*" { capabilities = ["delete", "list"] }`,
    `path "${engine}/metadata/${prefix}" { capabilities = ["list"] }`,
  ].join("\n");
}

async function isUp(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/v1/sys/health`, { signal: AbortSignal.timeout(1_000) });
    return response.status === 200;
  } catch {
    // Not listening yet.
    return false;
  }
}
