/** Our server with a setting of a trial, as a process. */
import { existsSync } from "node:fs";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { TestAlgorithm } from "../../test/support/certificates.js";
import { until } from "../../test/support/child-process.js";
import type { Contender } from "../compare/contenders/contender.js";
import { type Engine, startKeswick } from "../compare/contenders/keswick.js";
import { type BenchSite, makeBenchSite } from "../compare/contenders/site.js";
import type { Setting } from "./trial.js";

const PRELOAD = fileURLToPath(new URL("preload.mjs", import.meta.url));

/** Folders with certificates, one for each kind of server key. */
export class Sites {
  readonly #made = new Map<TestAlgorithm, Promise<BenchSite>>();

  of(algorithm: TestAlgorithm): Promise<BenchSite> {
    const made = this.#made.get(algorithm) ?? makeBenchSite(algorithm);
    this.#made.set(algorithm, made);
    return made;
  }

  async remove(): Promise<void> {
    for (const site of this.#made.values()) await (await site).remove();
  }
}

export interface TrialServer {
  readonly setting: Setting;
  readonly contender: Contender;
  readonly site: BenchSite;
  /** Milliseconds of all garbage collections so far. */
  collectingMs(): Promise<number>;
}

/**
 * @param id - tells servers of one run apart
 * @param main - path of the compiled `main.js`
 */
export async function startTrialServer(
  sites: Sites,
  id: string,
  engine: Engine,
  main: string,
  setting: Setting,
): Promise<TrialServer> {
  const { patch = {}, nodeOptions = [], env = {}, openssl, serverKey = "p256" } = setting;
  const site = await sites.of(serverKey);
  const collecting = join(site.folder, `${id}.gc`);
  const configuration = join(site.folder, `${id}.cnf`);
  if (openssl !== undefined) await writeFile(configuration, opensslConfiguration(openssl));
  const contender = await startKeswick(site, {
    ...{ engine, main, id },
    nodeOptions: [
      ...nodeOptions,
      ...(openssl === undefined ? [] : [`--openssl-config=${configuration}`]),
      ...["--import", PRELOAD],
    ],
    env: {
      ...env,
      KESWICK_TRIAL: JSON.stringify(patch),
      KESWICK_TRIAL_MAIN: pathToFileURL(main).href,
      KESWICK_TRIAL_GC: collecting,
    },
  });
  return {
    setting,
    contender,
    site,
    async collectingMs() {
      await rm(collecting, { force: true });
      process.kill(contender.pid, "SIGUSR2");
      await until("the time of the collector", async () => existsSync(collecting));
      return Number(await readFile(collecting, "utf8"));
    },
  };
}

/** Settings that OpenSSL makes for every TLS context of the process. */
function opensslConfiguration(commands: Readonly<Record<string, string>>): string {
  const lines = Object.entries(commands).map(([name, value]) => `${name} = ${value}`);
  return `nodejs_conf = all\n[all]\nssl_conf = modules\n[modules]\nsystem_default = server\n[server]\n${lines.join("\n")}\n`;
}
