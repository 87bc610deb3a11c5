/** The files that `kes audit` is given: what belongs to a chain, and what only stands beside it. */
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { checkpointOf } from "../../audit/file/checkpoint.js";
import { frameOf, type Link } from "../../audit/file/line.js";
import { headFileOf } from "../../audit/file/names.js";
import { UsageError } from "../../errors.js";
import { CommandError } from "../command.js";

/** A larger file is no key and no checkpoint. */
const MAX_SMALL_BYTES = 64 * 1024;
const BESIDE = /\.(?:head|torn|lock)$/;

export interface ChainFiles {
  readonly files: readonly string[];
  /** Named, but no part of a chain: `audit.log*` fits them as well. */
  readonly left: readonly string[];
  readonly totalBytes: number;
}

/** @throws CommandError for what is not there or no file */
export async function chainFiles(args: readonly string[], cwd: string): Promise<ChainFiles> {
  const left = args.filter((name) => BESIDE.test(name));
  const files = [...new Set(args.filter((name) => !BESIDE.test(name)))];
  if (files.length === 0) throw new CommandError("there is no audit file among those that were named");
  let totalBytes = 0;
  for (const file of files) {
    const found = await usable(file, () => stat(resolve(cwd, file)));
    if (!found.isFile()) throw new CommandError(`'${file}' is not a file`);
    totalBytes += found.size;
  }
  return { files, left, totalBytes };
}

/** An Ed25519 public key, from its own PEM file. @throws CommandError */
export async function publicKeyOf(file: string, cwd: string): Promise<KeyObject> {
  const text = await smallText(file, cwd);
  if (text.includes("PRIVATE KEY")) {
    throw new CommandError(
      `'${file}' holds a private key: verify with the public one, and keep this away from others`,
    );
  }
  let key: KeyObject;
  try {
    key = createPublicKey(text);
  } catch (cause) {
    throw new CommandError(`'${file}' holds no public key in PEM form`, { cause });
  }
  if (key.asymmetricKeyType === "ed25519") return key;
  throw new CommandError(
    `'${file}' holds a key of the kind ${key.asymmetricKeyType}, but checkpoints are signed with Ed25519`,
  );
}

/** `SEQ:HASH` of `--head`. @throws UsageError */
export function linkOfText(text: string): Link {
  const [, sequence, hash] = /^([1-9][0-9]{0,14}):([0-9a-f]{64})$/.exec(text.toLowerCase()) ?? [];
  if (sequence === undefined || hash === undefined) {
    throw new UsageError(
      `invalid argument "${text}" for "--head" flag: write NUMBER:HASH, as 'kes audit verify' prints it`,
    );
  }
  return { sequence: Number(sequence), hash };
}

/** The place that a checkpoint is in, kept as the line that it is. @throws CommandError */
export async function linkOfCheckpoint(file: string, cwd: string): Promise<Link> {
  const line = Buffer.from((await smallText(file, cwd)).trim());
  const frame = frameOf(line);
  if (frame === undefined || checkpointOf(line) === undefined) {
    throw new CommandError(`'${file}' holds no checkpoint: it must be one line of the type 'checkpoint'`);
  }
  return { sequence: frame.sequence, hash: frame.hash };
}

/** The last checkpoints that servers have left beside `files`. */
export async function headsBeside(
  files: readonly string[],
  cwd: string,
): Promise<readonly { readonly file: string; readonly link: Link }[]> {
  const found: { file: string; link: Link }[] = [];
  for (const file of files.map(headFileOf)) {
    const isThere = await stat(resolve(cwd, file)).then(
      () => true,
      () => false,
    );
    if (isThere) found.push({ file, link: await linkOfCheckpoint(file, cwd) });
  }
  return found;
}

async function smallText(file: string, cwd: string): Promise<string> {
  const path = resolve(cwd, file);
  const { size } = await usable(file, () => stat(path));
  if (size > MAX_SMALL_BYTES) throw new CommandError(`'${file}' is too large for what it should hold`);
  return usable(file, () => readFile(path, "utf8"));
}

/** @throws CommandError with the name as it was given */
export async function usable<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    const reason = code === "ENOENT" ? "no such file" : code === "EACCES" ? "permission denied" : undefined;
    if (reason === undefined) throw cause;
    throw new CommandError(`'${file}': ${reason}`, { cause });
  }
}
