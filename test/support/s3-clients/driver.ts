/** What a client of S3 is asked to do, in the words of the table; each client has its own way of doing it. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Command, type RunResult, run } from "../child-process.js";
import type { Kind } from "./seen-object.js";

/** A bucket, and how everything in it is to be encrypted. */
export interface ClientSite {
  readonly url: string;
  readonly caFile: string | undefined;
  readonly user: string;
  readonly password: string;
  readonly bucket: string;
  readonly kind: Kind;
  /** For SSE-KMS. */
  readonly keyName: string;
  /** For SSE-C: 32 bytes. */
  readonly customerKey: Buffer;
  /** The driver's own, for settings and drafts. */
  readonly folder: string;
}

/** What a client says of an object. */
export interface ToldObject {
  readonly size: number;
  /** Where the client tells it. */
  readonly kind?: Kind;
}

/** A client at one site. What is missing, it cannot do. */
export interface S3Driver {
  put(file: string, key: string): Promise<void>;
  get(key: string, file: string): Promise<void>;
  range?(key: string, offset: number, length: number): Promise<Buffer>;
  stat?(key: string): Promise<ToldObject>;
  /** Whole keys. */
  list(prefix: string): Promise<readonly string[]>;
  copy?(from: string, to: string): Promise<void>;
  /** In parts. */
  upload?(file: string, key: string): Promise<void>;
  remove(key: string): Promise<void>;
  /** What the folder holds, below `prefix`, which ends with `/`. */
  sync?(folder: string, prefix: string): Promise<void>;
  /** The other way. */
  syncBack?(prefix: string, folder: string): Promise<void>;
  close?(): Promise<void>;
}

/** A busy machine starts an interpreter in seconds. */
const TIMEOUT_MS = 120_000;

/** A client's command line in an environment of its own: nothing of the developer's settings reaches it. */
export class ClientCommand {
  readonly #command: Command;
  readonly #env: Readonly<Record<string, string>>;
  readonly #folder: string;

  constructor(command: Command, site: ClientSite, env: Readonly<Record<string, string>> = {}) {
    this.#command = command;
    this.#folder = site.folder;
    this.#env = { HOME: join(site.folder, "home"), LC_ALL: "C.UTF-8", ...env };
  }

  run(...args: readonly string[]): Promise<RunResult> {
    return run([...this.#command, ...args], { env: this.#env, timeoutMs: TIMEOUT_MS });
  }

  /** Standard output of a run that must succeed. */
  async ok(...args: readonly string[]): Promise<string> {
    return told(args, await this.run(...args));
  }

  /** Standard output, byte for byte, of a run that must succeed. */
  async bytes(...args: readonly string[]): Promise<Buffer> {
    const file = join(this.#folder, "output");
    const command: Command = ["sh", "-c", 'out=$1; shift; exec "$@" > "$out"', "sh", file];
    const options = { env: this.#env, timeoutMs: TIMEOUT_MS };
    told(args, await run([...command, ...this.#command, ...args], options));
    return readFile(file);
  }
}

function told(args: readonly string[], { code, stdout, stderr }: RunResult): string {
  if (code !== 0) throw new Error(`'${args.join(" ")}' ended with code ${code}:\n${stdout}${stderr}`);
  return stdout;
}
