/** A folder with configurations of keystores, in which the compiled `kes` runs as a process of its own. */
import { mkdirSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KeyVersion } from "../../src/crypto/key-version.js";
import { secureRandom } from "../../src/crypto/random.js";
import { builtCli } from "./built-cli.js";
import { type Command, type RunResult, run } from "./child-process.js";

const PROGRESS = /^(?:Migrated|Compared|Exported|Checked) +\d+ keys.* \.\.\.\n/gm;

export class KeystoreSite {
  readonly folder: string;
  /** The compiled `kes`. */
  readonly program: Command;

  private constructor(folder: string, program: Command) {
    this.folder = folder;
    this.program = program;
  }

  static async make(): Promise<KeystoreSite> {
    const folder = await mkdtemp(join(tmpdir(), "keswick-keystores-"));
    return new KeystoreSite(folder, [process.execPath, (await builtCli()).main]);
  }

  remove(): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** Writes the configuration `NAME.yml` with a section `keystore`. @returns its name */
  async config(name: string, keystore: object): Promise<string> {
    const tls = { key: "server.key", cert: "server.crt" };
    // JSON is YAML.
    const text = JSON.stringify({ version: "v1", admin: { identity: "disabled" }, tls, keystore });
    await writeFile(this.path(`${name}.yml`), text);
    return `${name}.yml`;
  }

  /** A configuration with the key folder `NAME` of this site. */
  fs(name: string): Promise<string> {
    return this.config(name, { fs: { path: this.path(name) } });
  }

  /** Keys in the key folder `NAME`, in the form that KES gives them. */
  async fill(
    name: string,
    count: number,
    nameOf = (i: number) => `key-${String(i).padStart(5, "0")}`,
  ): Promise<void> {
    mkdirSync(this.path(name), { recursive: true, mode: 0o700 });
    for (let i = 0; i < count; i++) {
      await writeFile(join(this.path(name), nameOf(i)), keyValue(), { mode: 0o600 });
    }
  }

  /** What the key folder `NAME` holds, by name. */
  async keys(name: string): Promise<Record<string, string>> {
    const found: Record<string, string> = {};
    for (const key of (await readdir(this.path(name))).sort()) {
      found[key] = await readFile(join(this.path(name), key), "latin1");
    }
    return found;
  }

  /** Runs `kes` in the folder with pipes. Lines of progress, which a busy machine has more of, are left out. */
  async kes(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    timeoutMs = 60_000,
  ): Promise<RunResult> {
    const result = await run([...this.program, ...args], { cwd: this.folder, env, timeoutMs });
    return { ...result, stderr: result.stderr.replace(PROGRESS, "") };
  }
}

/** A stored key like those of KES. */
export function keyValue(): Buffer {
  const options = { algorithm: "AES256", createdBy: "a".repeat(64), nowMs: 1_700_000_000_000 } as const;
  return KeyVersion.create({ ...options, random: secureRandom }).encode();
}
