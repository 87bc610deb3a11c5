/**
 * Names of keys, policies and identities, listing patterns, and their one check (KES reference §5).
 *
 * A branded string proves that the check was made; nothing else turns text into a `KeyName`.
 */

declare const checked: unique symbol;

/** A valid key name: 1 to 80 bytes of `0-9 A-Z a-z - _`. */
export type KeyName = string & { readonly [checked]: "KeyName" };
/** A valid policy name; the same alphabet and length as a key name. */
export type PolicyName = string & { readonly [checked]: "PolicyName" };
/** A lower-case hex SHA-256 of a certificate's public key info: 64 characters. */
export type Identity = string & { readonly [checked]: "Identity" };

/** Longest name in bytes. */
export const MAX_NAME_BYTES = 80;

// `-` may stand neither first nor last; a lone `_` is reserved.
const NAME = /^(?!_$)[0-9A-Za-z_](?:[0-9A-Za-z_-]{0,78}[0-9A-Za-z_])?$/;
/** The regular expression of a name, for documents. */
export const NAME_PATTERN = NAME.source;
const IDENTITY = /^[0-9a-f]{64}$/;

/** True for what may name a key, a policy or (in a path) an identity. */
export function isName(text: string): boolean {
  return NAME.test(text);
}

/** `text` as key name, or undefined when it is not one. */
export function keyName(text: string): KeyName | undefined {
  return NAME.test(text) ? (text as KeyName) : undefined;
}

/** `text` as policy name, or undefined when it is not one. */
export function policyName(text: string): PolicyName | undefined {
  return NAME.test(text) ? (text as PolicyName) : undefined;
}

/** `text` as identity, or undefined when it is not 64 lower-case hex digits. */
export function identity(text: string): Identity | undefined {
  return IDENTITY.test(text) ? (text as Identity) : undefined;
}

/**
 * The prefix that a listing pattern stands for, or undefined when the pattern is invalid.
 *
 * A pattern is empty, or a name whose last character may be `*`; `abc`, `abc*` both mean "starts with abc",
 * the empty pattern and `*` mean all.
 */
export function patternPrefix(pattern: string): string | undefined {
  if (pattern === "" || pattern === "*") return "";
  if (pattern.length > MAX_NAME_BYTES) return undefined;
  if (pattern.endsWith("*")) {
    const prefix = pattern.slice(0, -1);
    return /^[0-9A-Za-z_][0-9A-Za-z_-]*$/.test(prefix) ? prefix : undefined;
  }
  return NAME.test(pattern) ? pattern : undefined;
}
