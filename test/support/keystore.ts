/** Small helps for tests of keystores. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ErrorCode, KesError } from "../../src/errors.js";
import { type KeyName, keyName } from "../../src/names.js";

/** The codes that mean: nothing was changed, and the keystore is to blame. */
export const OUTAGE: readonly ErrorCode[] = ["KEYSTORE_UNREACHABLE", "KEYSTORE_UNAVAILABLE"];

/** `text` as key name. @throws Error when it is none */
export function named(text: string): KeyName {
  const name = keyName(text);
  if (name === undefined) throw new Error(`not a key name: ${text}`);
  return name;
}

/** How a call ends: `fulfilled` or the code of its error. What is not of the catalogue fails the test. */
export async function codeOf(call: Promise<unknown>): Promise<ErrorCode | "fulfilled"> {
  try {
    await call;
    return "fulfilled";
  } catch (error) {
    if (error instanceof KesError) return error.code;
    throw error;
  }
}

/** Every message of an error and its causes, in one text. */
export function causesOf(error: unknown): string {
  const texts: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) texts.push(at.message);
  return texts.join(" | ");
}

/** The error that `call` rejects with. */
export async function errorOf(call: Promise<unknown>): Promise<unknown> {
  try {
    await call;
  } catch (error) {
    return error;
  }
  throw new Error("the call was expected to fail");
}

/** Folders that are removed after the tests of the block it is called in. */
export function scratchFolders(base = tmpdir()): () => string {
  const made: string[] = [];
  after(() => {
    for (const folder of made) rmSync(folder, { recursive: true, force: true });
  });
  return () => {
    const folder = mkdtempSync(join(base, "keswick-test-"));
    made.push(folder);
    return folder;
  };
}
