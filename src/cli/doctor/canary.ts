/** Works with a key once: makes a data key, opens it again, and has other servers open it. */
import { timingSafeEqual } from "node:crypto";
import { error, type Finding, ok } from "../../api/status/finding.js";
import { isKesError } from "../../errors.js";
import type { Remote } from "../remote/connect.js";

/** A data key that one server has made: others must open it. */
export interface Canary {
  readonly server: string;
  readonly plaintext: Uint8Array;
  readonly ciphertext: Uint8Array;
}

export interface CanaryOptions {
  readonly key: string;
  /** Shown in findings. */
  readonly server: string;
  /** Make the key when it is missing. */
  readonly isCreating: boolean;
  /** Of the server before this one. */
  readonly earlier: Canary | undefined;
}

/** Bound to every data key of a canary, so that none can pass for an object's. */
const CONTEXT = Buffer.from('{"keswick":"doctor"}');

const CHECK = "round trip";

/** @throws what a call throws, for the caller to explain */
export async function canary(
  { client, signal, attempt }: Remote,
  { key, server, isCreating, earlier }: CanaryOptions,
): Promise<{ readonly findings: readonly Finding[]; readonly made?: Canary }> {
  const call = { signal, context: CONTEXT };
  const startedMs = performance.now();
  let note = "";
  const about = { what: `data key of '${key}'`, key, path: `/v1/key/generate/${key}` };
  const made = await attempt(about, async () => {
    try {
      return await client.generateKey(key, call);
    } catch (cause) {
      if (!isKesError(cause, "KEY_NOT_FOUND")) throw cause;
      if (!isCreating) return undefined;
      await client.createKey(key, { signal });
      note = "; the key was created";
      return client.generateKey(key, call);
    }
  });
  if (made === undefined) {
    const remedy = `kes key create ${key}, or kes doctor --key ${key} --create; look for a misspelt name with 'kes key ls'`;
    return { findings: [error(CHECK, `the key '${key}' does not exist`, remedy)] };
  }
  const open = { what: "the data key could not be opened again", key, path: `/v1/key/decrypt/${key}` };
  const opened = await attempt(open, () => client.decrypt(key, made.ciphertext, call));
  const ms = Math.max(1, Math.round(performance.now() - startedMs));
  if (!isSame(opened, made.plaintext)) {
    const remedy = "stop using this server: what it seals cannot be opened; keep its error log and report it";
    return { findings: [error(CHECK, "the data key that comes back is another one", remedy)] };
  }
  const findings = [ok(CHECK, `a data key of '${key}' is made and opened in ${ms} ms${note}`)];
  if (earlier !== undefined) {
    const theirs = await attempt({ what: "" }, () =>
      client.decrypt(key, earlier.ciphertext, call).catch((cause: unknown) => {
        if (isKesError(cause, "DECRYPT_FAILED")) return undefined;
        throw cause;
      }),
    );
    const isShared = theirs !== undefined && isSame(theirs, earlier.plaintext);
    findings.push(
      isShared ? ok("shared keys", `opens what ${earlier.server} has sealed`) : notShared(key, earlier),
    );
  }
  return { findings, made: { server, plaintext: made.plaintext, ciphertext: made.ciphertext } };
}

function notShared(key: string, { server }: Canary): Finding {
  return error(
    "shared keys",
    `cannot open what ${server} has sealed with '${key}': the two have different keys of that name`,
    "let all servers use one keystore: compare the sections 'keystore' of their configurations. Do not delete " +
      "either key: data may be sealed with both",
  );
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
