/** Configurations for tests: written to a folder of their own, loaded with known routes and identities. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Config } from "../../src/config/config.js";
import type { ConfigRoute, LoadOptions } from "../../src/config/context.js";
import { readConfig } from "../../src/config/reader.js";
import { ConfigError, type ConfigFault } from "../../src/errors.js";
import { type Identity, identity as toIdentity } from "../../src/names.js";

const NAME_ROUTES = ["create", "import", "describe", "delete", "generate", "encrypt", "decrypt", "hmac"];

/** The routes of KES reference §3.1 and the bulk ones. */
export const kesRoutes: readonly ConfigRoute[] = [
  ...["/version", "/v1/ready", "/v1/status", "/v1/metrics", "/v1/api"].map(
    (path): ConfigRoute => ({ path, method: "GET", argument: "none", skipAuth: true }),
  ),
  ...[...NAME_ROUTES, "bulk/decrypt", "bulk/generate"].map(
    (name): ConfigRoute => ({ path: `/v1/key/${name}/`, method: "PUT", argument: "name", skipAuth: false }),
  ),
  ...["/v1/policy/describe/", "/v1/policy/read/", "/v1/identity/describe/"].map(
    (path): ConfigRoute => ({ path, method: "GET", argument: "name", skipAuth: false }),
  ),
  ...["/v1/key/list/", "/v1/policy/list/", "/v1/identity/list/"].map(
    (path): ConfigRoute => ({ path, method: "GET", argument: "pattern", skipAuth: false }),
  ),
  ...["/v1/identity/self/describe", "/v1/log/error", "/v1/log/audit"].map(
    (path): ConfigRoute => ({ path, method: "GET", argument: "none", skipAuth: false }),
  ),
];

export const removedPaths: readonly string[] = ["/v1/policy/write/", "/v1/identity/assign/", "/v1/enclave/"];

/** `digit` 64 times: a readable identity. */
export function identityOf(digit: string): Identity {
  const made = toIdentity(digit.repeat(64));
  if (made === undefined) throw new RangeError(`'${digit}' is no hex digit`);
  return made;
}

/** The moment at which test configurations are loaded. */
export const NOW_MS = Date.UTC(2025, 0, 1);

/**
 * Certificates are files that read `CERT <digit> <notAfter in ms>`, API keys are `kes:v1:<digit>`: the
 * configuration knows both only through these functions.
 */
export const fakeIdentities: LoadOptions["identities"] = {
  ofApiKey(text) {
    const [, digit] = /^kes:v1:([0-9a-f])$/.exec(text) ?? [];
    if (digit === undefined) throw new TypeError(`not an API key: ${text}`);
    return identityOf(digit);
  },
  ofCertificatePem(pem) {
    const [, digit, notAfter] = /^CERT ([0-9a-f]) (\d+)$/.exec(pem.trim()) ?? [];
    if (digit === undefined) throw new TypeError(`not a certificate: ${pem}`);
    return { identity: identityOf(digit), notAfterMs: Number(notAfter) };
  },
};

const filesystem = {
  type: "object",
  required: ["path"],
  additionalProperties: false,
  properties: { path: { type: "string", minLength: 1 } },
} as const;

/** An adapter of every shape that schemas of keystores have; nothing is opened. */
const elaborate = {
  type: "object",
  required: ["endpoint"],
  additionalProperties: false,
  properties: {
    endpoint: { type: "string", missing: "kesconf: invalid vault keystore: no endpoint specified" },
    prefix: { type: "string" },
    version: { type: "string", enum: ["v1", "v2"], default: "v1" },
    retries: { type: "integer", default: 3, minimum: 0 },
    verify: { type: "boolean", default: true },
    approle: { $ref: "#/$defs/login" },
    headers: { type: "object", additionalProperties: { type: "string" } },
    scopes: { type: "array", items: { type: "string" } },
    status: {
      type: "object",
      additionalProperties: false,
      default: {},
      properties: { ping: { type: "string", format: "go-duration", default: "15s" } },
    },
  },
  $defs: {
    login: {
      type: "object",
      additionalProperties: false,
      required: ["secret"],
      properties: { id: { type: "string" }, secret: { type: "string" } },
    },
  },
} as const;

const aws = {
  type: "object",
  additionalProperties: false,
  required: ["endpoint", "region"],
  properties: {
    endpoint: { type: "string" },
    region: { type: "string" },
    kmskey: { type: "string" },
    credentials: {
      type: "object",
      additionalProperties: false,
      properties: {
        accesskey: { type: "string" },
        secretkey: { type: "string" },
        token: { type: "string" },
      },
    },
  },
} as const;

const adapter = (schema: object) => async () => ({
  adapter: { schema, open: () => Promise.reject(new Error("not opened by these tests")) },
});

/** `fs`, `vault` and `aws.secretsmanager`; the other keystores of KES are not there. */
export const testAdapters: LoadOptions["adapters"] = {
  fs: adapter(filesystem),
  vault: adapter(elaborate),
  "aws.secretsmanager": adapter(aws),
};

/** A valid configuration without what a test adds. */
export const BASE = {
  admin: "admin: { identity: disabled }\n",
  tls: "tls: { key: server.key, cert: server.crt }\n",
  keystore: "keystore: { fs: { path: keys } }\n",
} as const;

/** {@link BASE} with its sections replaced or left out, and more lines before them. */
export function configText(more: string, replaced: Partial<Record<keyof typeof BASE, string>> = {}): string {
  const { admin, tls, keystore } = { ...BASE, ...replaced };
  return `${more}\n${admin}${tls}${keystore}`;
}

/** A folder with a configuration. */
export class ConfigFolder {
  readonly path: string;
  private constructor(path: string) {
    this.path = path;
  }

  static async create(): Promise<ConfigFolder> {
    return new ConfigFolder(await mkdtemp(join(tmpdir(), "keswick-config-")));
  }

  async write(name: string, content: string | Uint8Array): Promise<void> {
    const file = join(this.path, name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
  }

  /** Writes `text` as `kes.yml` and loads it. */
  async load(text: string | Uint8Array, options: Partial<LoadOptions> = {}): Promise<Config> {
    await this.write("kes.yml", text);
    return this.loadFile("kes.yml", options);
  }

  loadFile(file: string, options: Partial<LoadOptions> = {}): Promise<Config> {
    return readConfig(file, {
      env: {},
      adapters: testAdapters,
      routes: kesRoutes,
      removedPaths,
      identities: fakeIdentities,
      now: NOW_MS,
      cwd: this.path,
      ...options,
    });
  }

  /** The faults of a configuration that must be refused, one a line, as an operator sees them. */
  async faults(text: string | Uint8Array, options: Partial<LoadOptions> = {}): Promise<readonly string[]> {
    try {
      await this.load(text, options);
    } catch (error) {
      if (error instanceof ConfigError) return error.message.split("\n");
      throw error;
    }
    throw new Error("the configuration was accepted");
  }

  remove(): Promise<void> {
    return rm(this.path, { recursive: true, force: true });
  }
}

/** `line:column path message` of each warning. */
export function told(warnings: readonly ConfigFault[]): readonly string[] {
  return warnings.map(({ line, column, path, message }) => `${line}:${column} ${path} ${message}`);
}

/** A reference to an environment variable, as a configuration writes it. */
export function reference(name: string): string {
  return `\${${name}}`;
}
