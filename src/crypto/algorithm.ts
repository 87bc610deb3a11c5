/** The two algorithms of a key and the names by which they are known (KES reference §9.1). */

/** What a key seals with: AES-256-GCM or ChaCha20-Poly1305, both with a key derived for each message. */
export type Algorithm = "AES256" | "ChaCha20";

/** Algorithm of new keys unless told otherwise. Never chosen by the host's CPU: replicas must agree. */
export const DEFAULT_ALGORITHM: Algorithm = "AES256";

/** Size in bytes of every key of both algorithms, and of HMAC keys. */
export const KEY_BYTES = 32;

/** The number that stands for an algorithm in a stored key. */
export const algorithmIds: Readonly<Record<Algorithm, number>> = { AES256: 1, ChaCha20: 2 };

const names: ReadonlyMap<string, Algorithm> = new Map<string, Algorithm>([
  ["AES256", "AES256"],
  ["AES256-GCM_SHA256", "AES256"],
  ["ChaCha20", "ChaCha20"],
  ["XCHACHA20-POLY1305", "ChaCha20"],
]);

/** The algorithm called `text`, by its name or its older alias; case matters. Undefined for anything else. */
export function parseAlgorithm(text: string): Algorithm | undefined {
  return names.get(text);
}

/** The algorithm with this number in a stored key, or undefined. */
export function algorithmOfId(id: number): Algorithm | undefined {
  if (id === algorithmIds.AES256) return "AES256";
  if (id === algorithmIds.ChaCha20) return "ChaCha20";
  return undefined;
}
