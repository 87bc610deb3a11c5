/** `keys`: keys that are created at start when they do not exist. */
import { keyName } from "../../names.js";
import type { AlgorithmName, Config } from "../config.js";
import { list, requiredText, section, text, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";

export const keysSchema = list(
  section(
    {
      name: requiredText({
        description: "Name of the key.",
        missing: "key name '' is empty, too long or contains invalid characters",
      }),
      algorithm: text({ default: "AES256", description: "AES256 or ChaCha20." }),
    },
    "A key.",
  ),
  "Keys that are created at start and at each reload when they do not exist.",
);

/** KES's names, and those of its older releases. */
const ALGORITHMS: Readonly<Record<string, AlgorithmName>> = {
  AES256: "AES256",
  "AES256-GCM_SHA256": "AES256",
  CHACHA20: "ChaCha20",
  "XCHACHA20-POLY1305": "ChaCha20",
};

export function resolveKeys(value: ValueOf<typeof keysSchema>, scope: Scope): Config["keys"] {
  const seen = new Set<string>();
  return value.flatMap((key, index) => {
    const at = scope.at(index);
    if (!at.ok) return [];
    const name = keyName(key.name);
    const nameAt = at.at("name");
    const shown = nameAt.shown(key.name);
    const folded = key.algorithm.toUpperCase();
    const algorithm = Object.hasOwn(ALGORITHMS, folded) ? ALGORITHMS[folded] : undefined;
    if (algorithm === undefined) {
      const algorithmAt = at.at("algorithm");
      const text = algorithmAt.shown(key.algorithm);
      algorithmAt.error(`algorithm '${text}' is not supported; write AES256 or ChaCha20`);
    }
    if (name === undefined) {
      nameAt.error(`key name '${shown}' is empty, too long or contains invalid characters`);
    } else if (seen.has(name)) {
      nameAt.error(`kesconf: invalid key config: key '${shown}' is defined multiple times`);
    }
    seen.add(key.name);
    return name === undefined || algorithm === undefined ? [] : [{ name, algorithm }];
  });
}
