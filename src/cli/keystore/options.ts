/** Flags that several commands on bundles have; light, for they are loaded for every help text. */
import type { OptionSpecs } from "../command.js";

const passphraseFile = {
  type: "string",
  value: "FILE",
  description: "File with the passphrase (else $KES_BUNDLE_PASSPHRASE, else a terminal is asked)",
} as const;

/** Of commands that make bundles. */
export const sealingOptions = {
  "passphrase-file": passphraseFile,
  recipient: {
    type: "string",
    value: "FILE",
    description: "Encrypt for the owner of this X25519 public key (PEM) instead of with a passphrase",
  },
} as const satisfies OptionSpecs;

/** Of commands that open bundles. */
export const openingOptions = {
  "passphrase-file": passphraseFile,
  key: { type: "string", value: "FILE", description: "The recipient's private key (PEM)" },
} as const satisfies OptionSpecs;
