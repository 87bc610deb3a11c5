/** Spellings of paths that have led other servers to judge one path and serve another. */

/**
 * Where a trick ends.
 *
 * - `exact`: read as the forbidden path itself.
 * - `prefix`: read as the forbidden path with something behind it, which is no key name.
 * - `name`: read as the route with an argument that is no key name.
 * - `other`: read as the route with the name of a key that nobody made.
 * - `open`: read as the route with the key that may be used; the ciphertext is not that key's.
 * - `unknown`, `moved`, `method`: no such path; sent to the clean one; a path for other methods.
 * - `refused`: refused as malformed, by the server or by the parser before it.
 */
export type Fate =
  | "exact"
  | "prefix"
  | "name"
  | "other"
  | "open"
  | "unknown"
  | "moved"
  | "method"
  | "refused";

export interface PathTrick {
  readonly why: string;
  /** The request target or `:path`; characters are bytes. */
  readonly target: string;
  readonly fate: Fate;
  /** Where HTTP/2 differs. */
  readonly h2?: Fate;
}

/** Bytes of UTF-8 as characters. */
const raw = (text: string): string => Buffer.from(text, "utf8").toString("latin1");

const table: Readonly<Record<string, readonly (readonly [target: string, fate: Fate, h2?: Fate])[]>> = {
  "as it is": [["/v1/key/decrypt/secret", "exact"]],
  "case of letters": [
    ["/V1/key/decrypt/secret", "unknown"],
    ["/v1/KEY/decrypt/secret", "unknown"],
    ["/v1/key/Decrypt/secret", "unknown"],
    ["/v1/key/decrypt/SECRET", "other"],
    ["/v1/key/decrypt/Secret", "other"],
  ],
  "escaped letters": [
    ["/v1/key/decrypt/%73ecret", "exact"],
    ["/v1/key/decrypt/secre%74", "exact"],
    ["/v1/key/decrypt/%73%65%63%72%65%74", "exact"],
    ["/v1/key/%64ecrypt/secret", "exact"],
    ["/v1/k%65y/decrypt/secret", "exact"],
    ["/%76%31/key/decrypt/secret", "exact"],
    ["/v1/key/decrypt/%53ecret", "other"],
  ],
  "escaped twice": [
    ["/v1/key/decrypt/%2573ecret", "name"],
    ["/v1/key/decrypt/%25%37%33ecret", "name"],
    ["/v1/key/decrypt%252Fsecret", "unknown"],
    ["/v1/key/%252e%252e/key/decrypt/secret", "unknown"],
    ["/v1/key/decrypt/secret%2500", "prefix"],
  ],
  "escaped slashes": [
    ["%2Fv1/key/decrypt/secret", "refused"],
    ["/v1%2Fkey/decrypt/secret", "unknown"],
    ["/v1/key%2Fdecrypt/secret", "unknown"],
    ["/v1/key/decrypt%2Fsecret", "unknown"],
    ["/v1/key/decrypt%2fsecret", "unknown"],
    ["/%2Fv1/key/decrypt/secret", "unknown"],
    ["/v1/key/decrypt/%2Fsecret", "name"],
    ["/v1/key/decrypt/x%2F..%2Fsecret", "name"],
    ["/v1/key/decrypt/secret%2F", "prefix"],
    ["/v1/key/decrypt/secret%2F..%2Fopen", "prefix"],
    ["/v1/key/decrypt/open%2F..%2Fsecret", "name"],
  ],
  "double slashes": [
    ["//v1/key/decrypt/secret", "moved"],
    ["/v1//key/decrypt/secret", "moved"],
    ["/v1/key//decrypt/secret", "moved"],
    ["/v1/key/decrypt//secret", "moved"],
    ["/v1/key/decrypt///secret", "moved"],
    ["//127.0.0.1/v1/key/decrypt/secret", "moved"],
  ],
  "dot segments": [
    ["/./v1/key/decrypt/secret", "moved"],
    ["/v1/key/decrypt/./secret", "moved"],
    ["/v1/key/decrypt/../decrypt/secret", "moved"],
    ["/v1/key/decrypt/open/../secret", "moved"],
    ["/v1/key/encrypt/../decrypt/secret", "moved"],
    ["/v1/status/../key/decrypt/secret", "moved"],
    ["/../v1/key/decrypt/secret", "moved"],
    ["/v1/key/decrypt/secret/.", "moved"],
    ["/v1/key/decrypt/secret/..", "moved"],
    ["/v1/key/decrypt/secret/x/..", "moved"],
  ],
  "escaped dot segments": [
    ["/v1/key/%2e%2e/key/decrypt/secret", "unknown"],
    ["/v1/key/.%2e/key/decrypt/secret", "unknown"],
    ["/v1/key/%2e/decrypt/secret", "unknown"],
    ["/v1/key/decrypt/%2e/secret", "name"],
    ["/v1/key/decrypt/%2E%2E/decrypt/secret", "name"],
    ["/v1/key/decrypt/%2e%2e%2Fdecrypt%2Fsecret", "name"],
    ["/v1/key/decrypt/open/%2e%2e/secret", "name"],
    ["/v1/key/decrypt/.../secret", "name"],
  ],
  parameters: [
    ["/v1/key/decrypt/secret;x=1", "prefix"],
    ["/v1/key/decrypt/;secret", "name"],
    ["/v1/key/decrypt/open;/secret", "name"],
    ["/v1/key/decrypt/..;/secret", "name"],
    ["/v1/key/..;/key/decrypt/secret", "unknown"],
    ["/v1/key;x=1/decrypt/secret", "unknown"],
    ["/v1/key/decrypt;/secret", "unknown"],
  ],
  "something behind": [
    ["/v1/key/decrypt/secret/", "prefix"],
    ["/v1/key/decrypt/secret/x", "prefix"],
    ["/v1/key/decrypt/secret.", "prefix"],
    ["/v1/key/decrypt/secret.json", "prefix"],
    ["/v1/key/decrypt/secret-", "prefix"],
    ["/v1/key/decrypt/secret*", "prefix"],
    ["/v1/key/decrypt/secret~", "prefix"],
    ["/v1/key/decrypt/secret,", "prefix"],
    ["/v1/key/decrypt/secret:443", "prefix"],
    ["/v1/key/decrypt/secret@host", "prefix"],
    ["/v1/key/decrypt/*", "name"],
    ["/v1/key/decrypt/", "name"],
    ["/v1/key/decrypt", "moved"],
  ],
  "blanks and control characters": [
    ["/v1/key/decrypt/secret%20", "prefix"],
    ["/v1/key/decrypt/%20secret", "name"],
    ["/v1/key/decrypt/secret%09", "prefix"],
    ["/v1/key/decrypt/secret%0a", "prefix"],
    ["/v1/key/decrypt/secret%0d%0aX-Injected:%20yes", "prefix"],
    ["/v1/key/decrypt/secret%00", "prefix"],
    ["/v1/key/decrypt/%00secret", "name"],
    ["/v1/key/decrypt/secret%00.txt", "prefix"],
    ["/v1/key/decrypt/open%00/../secret", "moved"],
    ["/v1/key/decrypt/sec%08ret", "name"],
    ["/v1/key/decrypt/secret%7f", "prefix"],
    ["/v1/key/decrypt/secret\t", "refused"],
    ["/v1/key/decrypt/sec ret", "refused"],
    ["/v1/key/decrypt/secret\u0000", "refused"],
    ["/v1/key/decrypt/secret\u000b", "refused"],
    ["/v1/key/decrypt/secret\u007f", "refused"],
    ["/v1/key/decrypt/secret\r", "refused"],
  ],
  "broken escapes": [
    ["/v1/key/decrypt/secret%", "refused"],
    ["/v1/key/decrypt/secret%2", "refused"],
    ["/v1/key/decrypt/secret%zz", "refused"],
    ["/v1/key/decrypt/%u0073ecret", "refused"],
    ["/v1/key/decrypt/%7 3ecret", "refused"],
    ["/v1/key/decrypt/%0x73ecret", "refused"],
  ],
  "plus signs": [
    ["/v1/key/decrypt/secret+", "prefix"],
    ["/v1/key/decrypt/+secret", "name"],
  ],
  backslashes: [
    ["/v1/key/decrypt\\secret", "unknown"],
    ["\\v1\\key\\decrypt\\secret", "refused"],
    ["/v1/key/decrypt/\\secret", "name"],
    ["/v1/key/decrypt/%5Csecret", "name"],
    ["/v1/key/decrypt/open\\..\\secret", "name"],
    ["/v1/key/decrypt/open/..\\secret", "name"],
  ],
  "letters that are no letters": [
    ["/v1/key/decrypt/%c1%b3ecret", "name"],
    ["/v1/key/decrypt/%c0%afsecret", "name"],
    ["/v1/key/decrypt%c0%afsecret", "unknown"],
    ["/v1/key/decrypt%e0%80%afsecret", "unknown"],
    ["/v1/key/%c0%ae%c0%ae/key/decrypt/secret", "unknown"],
    ["/v1/key/decrypt/%ef%bd%93ecret", "name"],
    ["/v1/key/decrypt%ef%bc%8fsecret", "unknown"],
    ["/v1/key/decrypt/%c5%bfecret", "name"],
    ["/v1/key/decrypt/%e2%80%8bsecret", "name"],
    ["/v1/key/decrypt/secret%cc%81", "prefix"],
    ["/v1/key/decrypt/secret%ff", "prefix"],
    ["/v1/key/decrypt/%feff%73ecret", "name"],
    [`/v1/key/decrypt/${raw("ｓ")}ecret`, "refused", "name"],
    [`/v1/key/decrypt/secret${raw("é")}`, "refused", "prefix"],
    ["/v1/key/decrypt/secret\u00ff", "refused", "prefix"],
  ],
  "queries and fragments": [
    ["/v1/key/decrypt/secret?", "exact"],
    ["/v1/key/decrypt/secret?name=open", "exact"],
    ["/v1/key/decrypt/secret?/../open", "exact"],
    ["/v1/key/decrypt/open?/../secret", "open"],
    ["/v1/key/decrypt/?secret", "name"],
    ["/v1/key/decrypt?/secret", "moved"],
    ["?/v1/key/decrypt/secret", "refused"],
    ["/v1/key/decrypt/secret%3F", "prefix"],
    ["/v1/key/decrypt/secret%23x", "prefix"],
    ["/v1/key/decrypt/secret#x", "prefix"],
    ["/v1/key/decrypt/open#/../secret", "moved"],
    ["#/v1/key/decrypt/secret", "refused"],
  ],
  "absolute URLs": [
    ["https://127.0.0.1/v1/key/decrypt/secret", "exact", "refused"],
    ["http://evil.example/v1/key/decrypt/secret", "exact", "refused"],
    ["HTTPS://X/v1/key/decrypt/secret", "exact", "refused"],
    ["https://a:b@127.0.0.1/v1/key/decrypt/secret", "exact", "refused"],
    ["https://X//v1/key/decrypt/secret", "moved", "refused"],
    ["https://X/v1/key/decrypt/%73ecret", "exact", "refused"],
    ["https://X?/v1/key/decrypt/secret", "method", "refused"],
    ["https:///v1/key/decrypt/secret", "exact", "refused"],
    ["https:/v1/key/decrypt/secret", "refused"],
    ["ftp://X/v1/key/decrypt/secret", "refused"],
    ["/https://X/v1/key/decrypt/secret", "moved"],
    ["/https:%2F%2FX/v1/key/decrypt/secret", "unknown"],
  ],
  "no path at all": [
    ["*", "refused"],
    ["127.0.0.1:443", "refused"],
    ["v1/key/decrypt/secret", "refused"],
    ["/", "method"],
  ],
  "too long": [
    [`/v1/key/decrypt/secret${"a".repeat(4096)}`, "refused"],
    [`/v1/key/decrypt/${"%73".repeat(2000)}`, "refused"],
    [`/${"/".repeat(5000)}v1/key/decrypt/secret`, "refused"],
    [`${"/x/..".repeat(900)}/v1/key/decrypt/secret`, "refused"],
    [`/v1/key/decrypt/secret${"a".repeat(75)}`, "prefix"],
    [`/v1/key/decrypt/${"x".repeat(81)}`, "name"],
  ],
};

/** The table; `target` may hold any byte. */
export const pathTricks: readonly PathTrick[] = Object.entries(table).flatMap(([why, rows]) =>
  rows.map(([target, fate, h2]) => ({ why, target, fate, ...(h2 === undefined ? {} : { h2 }) })),
);
