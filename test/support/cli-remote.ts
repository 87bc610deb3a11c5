/** The compiled `kes` as a process of its own, against a test server, as one of three clients. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type BuiltCli, builtCli } from "./built-cli.js";
import { selfSigned } from "./certificates.js";
import { type RunResult, run } from "./child-process.js";
import { startTestServer, type TestServer, type TestServerOptions } from "./test-server.js";

/** The admin; one who may create, generate and list keys that begin with `my-`; one whom no policy names. */
export type Who = "admin" | "app" | "stranger";

export interface CliRemote {
  readonly cli: BuiltCli;
  readonly server: TestServer;
  /** Holds `server.crt`, and `<who>.crt` and `<who>.key` of each client. */
  readonly folder: string;
  readonly identities: Readonly<Record<Who, string>>;
  /** Environment of a client; `more` is added. */
  env(who: Who, more?: Readonly<Record<string, string>>): Record<string, string>;
  /** Runs `kes` in {@link folder} with pipes. */
  kes(args: readonly string[], options?: KesOptions): Promise<RunResult>;
  close(): Promise<void>;
}

export interface KesOptions {
  /** Default: the admin. */
  readonly as?: Who;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

export async function startCliRemote(options: TestServerOptions = {}): Promise<CliRemote> {
  const cli = await builtCli();
  const [app, stranger] = [selfSigned({ cn: "app" }), selfSigned({ cn: "stranger" })];
  const rules = ["/v1/key/create/my-*", "/v1/key/generate/my-*", "/v1/key/list/*"];
  const policies = { app: { allow: rules, identities: [app.identity] } };
  const server = await startTestServer({ policies, ...options });
  const folder = await mkdtemp(join(tmpdir(), "keswick-cli-remote-"));
  await writeFile(join(folder, "server.crt"), server.ca.certPem);
  const clients = { admin: server.admin, app, stranger };
  for (const [who, { certPem, keyPem }] of Object.entries(clients)) {
    await writeFile(join(folder, `${who}.crt`), certPem);
    await writeFile(join(folder, `${who}.key`), keyPem, { mode: 0o600 });
  }
  const env: CliRemote["env"] = (who, more = {}) => ({
    MINIO_KES_SERVER: `127.0.0.1:${server.port}`,
    MINIO_KES_CERT_FILE: `${who}.crt`,
    MINIO_KES_KEY_FILE: `${who}.key`,
    MINIO_KES_CAPATH: "server.crt",
    ...more,
  });
  return {
    ...{ cli, server, folder, env },
    identities: { admin: server.admin.identity, app: app.identity, stranger: stranger.identity },
    kes: (args, { as = "admin", env: more = {}, input } = {}) =>
      run([process.execPath, cli.main, ...args], {
        cwd: folder,
        env: env(as, more),
        ...(input === undefined ? {} : { input }),
      }),
    close: async () => {
      await server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
