/** What the two versions of Vault's KV engine have in common. */
import type { KesError } from "../../src/errors.js";
import { unusable } from "../../src/keystore/faults.js";
import type { KeyName } from "../../src/names.js";
import { expectSuccess, isAbsent, isDoubtful, objectOf, refusal, type VaultAnswer } from "./answer.js";
import { networkFault } from "./calls.js";
import type { VaultEnvironment } from "./environment.js";
import { VaultNetworkError } from "./http.js";
import type { VaultSession } from "./session.js";
import type { CallScope } from "./transit.js";

/** Where documents stand: parts of a path, encoded, without slashes at their ends. */
export interface KvPlace {
  readonly session: VaultSession;
  readonly env: VaultEnvironment;
  readonly engine: string;
  /** May be empty. */
  readonly prefix: string;
  readonly namespace?: string;
}

/** An entry before a rewrap. */
export interface KvEntry {
  /** The text that was created; undefined when it is gone and `rewrapped` stands for it. */
  readonly first: string | undefined;
  /** What a rewrap of that text has stored; undefined when that is not what the newest version holds. */
  readonly rewrapped: string | undefined;
  /** As `originOf` the text that was created. */
  readonly origin: string;
  /** Number of the newest version; 0 in an engine without. */
  readonly version: number;
}

/** One KV engine as a place for texts under names. Signals end reads; a change runs to its end. */
export interface KvEngine {
  readonly hasAtomicCreate: boolean;
  /** @throws KesError `KEY_NOT_FOUND`, outage codes */
  read(name: KeyName, scope: CallScope): Promise<string>;
  /** @throws KesError when it is certain what happened; any other Error when it is not */
  create(name: KeyName, text: string): Promise<void>;
  /** @throws as {@link create} */
  delete(name: KeyName): Promise<void>;
  /**
   * What a rewrap has put beside `first`, the text that {@link read} gave; undefined when there is nothing of that kind.
   * @throws KesError as {@link read}
   */
  readRewrapped(name: KeyName, first: string, scope: CallScope): Promise<string | undefined>;
  /** All that a rewrap must know. @throws KesError as {@link read} */
  entry(name: KeyName, scope: CallScope): Promise<KvEntry>;
  /** @throws KesError that says why {@link rewrap} may not be, so that nothing is lost by it */
  expectRewrappable(name: KeyName, entry: KvEntry, scope: CallScope): Promise<void>;
  /**
   * Stores a rewrapped text if the entry is as it was.
   * @returns false when it is not, or may have been stored: to be read anew
   * @throws as {@link create}
   */
  rewrap(name: KeyName, entry: KvEntry, text: string): Promise<boolean>;
  /** Path of the folder whose entries are the keys. */
  readonly listPath: string;
}

/** Parts of a path, joined; empty ones vanish. */
export function joined(...parts: readonly string[]): string {
  return parts.filter((part) => part !== "").join("/");
}

/** Reads at `path`. @throws KesError for an outage */
export async function readAt(
  session: VaultSession,
  path: string,
  scope: CallScope & { readonly query?: Readonly<Record<string, string>> },
): Promise<VaultAnswer> {
  try {
    return await session.send({ method: "GET", path, ...scope });
  } catch (error) {
    throw error instanceof VaultNetworkError ? networkFault(error) : error;
  }
}

/** The field of a document that holds the key: it is named like the key. */
export function fieldOf(document: unknown, name: KeyName, answer: VaultAnswer): string {
  const value = objectOf(document)?.[name];
  if (typeof value === "string" && value !== "") return value;
  throw unusable(
    `vault: ${answer.request}: the entry exists but has no text under '${name}': it is not a key, or was changed by hand`,
  );
}

/** Deletes at `path`; a missing one is deleted as well. */
export async function deleteAt(session: VaultSession, path: string, scope: CallScope): Promise<void> {
  let answer: VaultAnswer;
  try {
    answer = await session.send({ method: "DELETE", path, ...scope });
  } catch (error) {
    throw changeError(error);
  }
  if (isDoubtful(answer)) throw new Error("vault: the delete may have happened", { cause: refusal(answer) });
  if (!isAbsent(answer)) expectSuccess(answer);
}

/** A failure of a change: certain when no byte of it can have left this process, else an Error that is not. */
export function changeError(error: unknown): KesError | Error {
  if (!(error instanceof VaultNetworkError)) return error instanceof Error ? error : new Error(String(error));
  return error.sent ? error : networkFault(error);
}
