/** Makes a new identity: an API key, and with it the same key as files. */
import { randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { UsageError } from "../../errors.js";
import { ApiKey } from "../../identity/api-key.js";
import { CertificateError } from "../../identity/certificate.js";
import { encryptedKeyPem } from "../../identity/encrypted-key.js";
import { certificatePem, issueCertificate } from "../../identity/issue.js";
import { type CommandContext, CommandError } from "../command.js";
import { checkNames, expiryOf } from "../init/names.js";
import { askPassword } from "../prompt.js";
import { type Pair, refuseExisting, writePair } from "./pair.js";

const DEFAULT_EXPIRY = "720h";
/** For servers whose clock is late. */
const CLOCK_SKEW_MS = 5 * 60_000;

/** The flags of `kes identity new`. */
export interface NewIdentityFlags {
  readonly key: string | undefined;
  readonly cert: string | undefined;
  readonly ip: readonly string[];
  readonly dns: readonly string[];
  readonly expiry: string | undefined;
  readonly encrypt: boolean;
  readonly force: boolean;
}

export interface NewIdentity {
  readonly apiKey: ApiKey;
  /** As given; absent when no files were asked for. */
  readonly files?: Pair & { readonly notAfterMs: number };
}

/**
 * @param subject - common name of the certificate; the identity without one
 * @throws UsageError, CommandError in KES's words (reference §14.4); nothing has changed then
 */
export async function createIdentity(
  context: CommandContext,
  flags: NewIdentityFlags,
  subject: string | undefined,
  nowMs: number,
): Promise<NewIdentity> {
  const pair = pairOf(flags);
  const apiKey = ApiKey.generate(randomBytes);
  if (pair === undefined) return { apiKey };

  checkNames(flags);
  const notAfterMs = nowMs + expiryOf(flags.expiry ?? DEFAULT_EXPIRY);
  const files = { key: resolve(context.cwd, pair.key), cert: resolve(context.cwd, pair.cert) };
  if (files.key === files.cert) throw new UsageError("'--key' and '--cert' name the same file");
  if (!flags.force) await refuseExisting(files);
  const cert = certificateOf(apiKey, { subject, ip: flags.ip, dns: flags.dns, nowMs, notAfterMs });
  const key = flags.encrypt
    ? encryptedKeyPem(apiKey.privateKey, await newPassword(context), randomBytes)
    : apiKey.privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  await writePair(files, { key, cert }, flags.force, nowMs);
  return { apiKey, files: { ...pair, notAfterMs } };
}

function pairOf({ key, cert, ip, dns, expiry, encrypt, force }: NewIdentityFlags): Pair | undefined {
  if (key !== undefined && cert !== undefined) return { key, cert };
  if (key !== undefined) {
    throw new UsageError("private key file specified but no certificate file. Set the '--cert' flag");
  }
  if (cert !== undefined) {
    throw new UsageError("certificate file specified but no private key file. Set the '--key' flag");
  }
  const given = { encrypt, force, expiry: expiry !== undefined, ip: ip.length > 0, dns: dns.length > 0 };
  for (const [flag, isGiven] of Object.entries(given)) {
    if (!isGiven) continue;
    throw new UsageError(
      `'--${flag}' requires a private key and certificate file. Set the '--cert' and '--key' flag`,
    );
  }
  return undefined;
}

/** The template of KES reference §7.3, for servers as well. */
function certificateOf(
  apiKey: ApiKey,
  request: {
    readonly subject: string | undefined;
    readonly ip: readonly string[];
    readonly dns: readonly string[];
    readonly nowMs: number;
    readonly notAfterMs: number;
  },
): string {
  const { subject, ip, dns, nowMs, notAfterMs } = request;
  try {
    return certificatePem(
      issueCertificate({
        commonName: subject ?? apiKey.identity,
        key: apiKey.privateKey,
        notBeforeMs: nowMs - CLOCK_SKEW_MS,
        notAfterMs,
        dns,
        ip,
        usages: ["clientAuth", "serverAuth"],
      }),
    );
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause;
    throw new CommandError(`cannot make the certificate: ${cause.message}`, { cause });
  }
}

async function newPassword(context: CommandContext): Promise<string> {
  const instead = "run it on a terminal, or encrypt the key with 'openssl pkey -aes256'";
  const password = await askPassword(context, "Enter password for private key: ", instead);
  const again = await askPassword(context, "Confirm password for private key: ", instead);
  if (password !== again) throw new CommandError("passwords don't match");
  if (password === "") throw new CommandError("an empty password protects nothing");
  return password;
}
