/** A folder with what `kes server --config` needs, and the server as a process of its own. */

import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned, type TestCertificate } from "./certificates.js";
import { freePort, RunningProcess } from "./child-process.js";
import { withTestHttp } from "./http-engine.js";
import { kesProgram } from "./started-site.js";

/** Sections of the configuration file as YAML text; what is absent is the usual one. */
export interface CliConfig {
  readonly admin?: string;
  readonly tls?: string;
  readonly policy?: string;
  readonly api?: string;
  readonly cache?: string;
  readonly log?: string;
  readonly keystore?: string;
  /** One process, unless a test asks for more: the start of each takes its time. */
  readonly server?: string;
  /** Further text at the end. */
  readonly more?: string;
}

export interface CliSite {
  readonly folder: string;
  readonly configFile: string;
  readonly server: TestCertificate;
  readonly admin: TestCertificate;
  readonly client: TestCertificate;
  /** The file's text with some sections replaced. */
  readonly text: (sections?: CliConfig) => string;
  /** Writes the configuration file. */
  readonly configure: (sections?: CliConfig) => Promise<void>;
  readonly remove: () => Promise<void>;
}

export async function makeCliSite(): Promise<CliSite> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-cli-"));
  const configFile = join(folder, "kes.yml");
  const server = selfSigned({ algorithm: "p256" });
  const admin = selfSigned({ cn: "admin" });
  const client = selfSigned({ cn: "client" });
  await mkdir(join(folder, "keys"), { mode: 0o700 });
  await writeFile(join(folder, "server.key"), server.keyPem, { mode: 0o600 });
  await writeFile(join(folder, "server.crt"), server.certPem);
  const text = (sections: CliConfig = {}): string => {
    const all: Required<CliConfig> = {
      admin: `admin:\n  identity: ${admin.identity}\n`,
      tls: `tls:\n  key: ${folder}/server.key\n  cert: ${folder}/server.crt\n`,
      policy: "",
      api: "",
      cache: "",
      log: "log:\n  error: on\n  audit: off\n",
      keystore: `keystore:\n  fs:\n    path: ${folder}/keys\n`,
      server: "server:\n  workers: 1\n",
      more: "",
      ...sections,
    };
    return `version: v1\n${Object.values({ ...all, server: withTestHttp(all.server) }).join("")}`;
  };
  const configure = (sections?: CliConfig): Promise<void> => writeFile(configFile, text(sections));
  await configure();
  return {
    ...{ folder, configFile, server, admin, client, text, configure },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

export interface CliServer {
  readonly port: number;
  readonly url: string;
  readonly ca: TestCertificate;
  readonly process: RunningProcess;
}

/** Runs `kes server` on a free port until it says that it is up. */
export async function startCliServer(site: CliSite, before: readonly string[] = []): Promise<CliServer> {
  const port = await freePort();
  const [program, ...words] = [...before, ...kesProgram];
  if (program === undefined) throw new Error("no program");
  const running = await RunningProcess.start(
    [program, ...words, "server", "--config", site.configFile, "--addr", `127.0.0.1:${port}`],
    async ({ stdout }) => stdout.includes("=> Server is up and running..."),
  );
  return { port, url: `https://127.0.0.1:${port}`, ca: site.server, process: running };
}
