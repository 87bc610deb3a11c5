/** Reading PEM private keys in the forms that a server's key file comes in (KES configuration §5). */
import { createPrivateKey, type KeyObject } from "node:crypto";
import { PemError, pemBlocks } from "./pem.js";

/** The text holds no private key that can be used. The message quotes neither the text nor the password. */
export class PrivateKeyError extends Error {
  override readonly name = "PrivateKeyError";
  /** What a password would help or did not help; absent for every other fault. */
  readonly password?: "missing" | "refused";

  constructor(message: string, options: ErrorOptions & { readonly password?: "missing" | "refused" } = {}) {
    super(message, options);
    if (options.password !== undefined) this.password = options.password;
  }
}

// `EC PARAMETERS` is what `openssl ecparam -genkey` writes before the key.
const BESIDE_KEYS = new Set(["CERTIFICATE", "EC PARAMETERS"]);

/**
 * The first private key in `text`: PKCS#8, PKCS#1 or SEC1, plain or encrypted by RFC 1423
 * (`Proc-Type: 4,ENCRYPTED`) or PKCS#8 (`ENCRYPTED PRIVATE KEY`). Certificates may stand before it.
 * @param password - ignored when the key is not encrypted
 * @throws PrivateKeyError with KES's texts
 */
export function privateKeyOfPem(text: string, password?: string): KeyObject {
  for (const block of blocksOf(text)) {
    if (BESIDE_KEYS.has(block.label)) continue;
    if (!block.label.endsWith("PRIVATE KEY") || block.label.startsWith("OPENSSH")) {
      throw new PrivateKeyError("https: unsupported PEM data block");
    }
    const encrypted =
      block.label === "ENCRYPTED PRIVATE KEY" || (block.headers.get("Proc-Type") ?? "").endsWith("ENCRYPTED");
    if (encrypted && !password)
      throw new PrivateKeyError("https: private key is encrypted: password required", {
        password: "missing",
      });
    return parse(block.text, encrypted ? password : undefined);
  }
  throw new PrivateKeyError("https: no PEM-encoded private key found");
}

function blocksOf(text: string): ReturnType<typeof pemBlocks> {
  try {
    const blocks = pemBlocks(text);
    if (blocks.length > 0) return blocks;
  } catch (cause) {
    if (cause instanceof PemError) throw new PrivateKeyError("https: no valid PEM data", { cause });
    throw cause;
  }
  throw new PrivateKeyError("https: no valid PEM data");
}

function parse(pem: string, password: string | undefined): KeyObject {
  try {
    return createPrivateKey(password === undefined ? pem : { key: pem, passphrase: password });
  } catch {
    // OpenSSL's reasons are of no help ("bad decrypt", "unsupported") and differ by version, so they are
    // left out, also as cause.
    throw new PrivateKeyError(
      password === undefined
        ? "https: private key is malformed or of an unsupported kind"
        : "https: private key cannot be decrypted: incorrect password or unsupported cipher",
      password === undefined ? {} : { password: "refused" },
    );
  }
}
