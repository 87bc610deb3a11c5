/** Renews a certificate file: a new certificate for the same key, so that its holder stays who it is. */
import { lstat, realpath, stat } from "node:fs/promises";
import { resolve } from "node:path";
import {
  CertificateError,
  type CertificateInfo,
  certificatesOfPem,
  inspectCertificate,
} from "../../identity/certificate.js";
import { certificatePem } from "../../identity/issue.js";
import { PemFileError, readPemFile } from "../../identity/pem-file.js";
import { isSelfSigned, renewCertificate } from "../../identity/renew.js";
import { type CommandContext, CommandError } from "../command.js";
import { exists } from "../init/layout.js";
import { expiryOf } from "../init/names.js";
import { publish, replace } from "../init/publish.js";
import { named } from "./pair.js";
import { issuerOf, type OldCertificate, ownKey } from "./signer.js";

/** For servers whose clock is late. */
const CLOCK_SKEW_MS = 5 * 60_000;
const CERT_MODE = 0o644;

export interface RenewFlags {
  readonly key: string | undefined;
  readonly expiry: string | undefined;
  readonly out: string | undefined;
  readonly force: boolean;
  readonly "ca-cert": string | undefined;
  readonly "ca-key": string | undefined;
}

export interface Renewed {
  readonly before: CertificateInfo;
  readonly after: CertificateInfo;
  readonly isSelfSigned: boolean;
  /** Where the new certificate is. */
  readonly file: string;
  /** Where the old one is, when it was replaced. */
  readonly kept?: string;
  /** The CA ends before the certificate would have. */
  readonly isCutShort: boolean;
}

/** @throws CommandError, UsageError; the certificate is what it was then */
export async function renew(
  context: CommandContext,
  certFile: string,
  flags: RenewFlags,
  nowMs: number,
): Promise<Renewed> {
  const old = await readOld(context, certFile);
  const { before } = old;
  const issuer = old.isSelfSigned ? undefined : await issuerOf(context, old, flags);
  if (issuer === undefined && (flags["ca-cert"] ?? flags["ca-key"]) !== undefined) {
    throw new CommandError(`'${certFile}' is self-signed: '--ca-cert' and '--ca-key' are for others`);
  }
  // Whoever has the CA's key need not have that of the certificate.
  const isKeyNeeded = issuer === undefined || flags.key !== undefined;
  const key = isKeyNeeded ? await ownKey(context, old, flags.key) : undefined;
  const signer = issuer?.key ?? key;
  if (signer === undefined) throw new Error("nobody signs");

  const notBeforeMs = nowMs - CLOCK_SKEW_MS;
  const wantedMs =
    flags.expiry === undefined
      ? notBeforeMs + (before.notAfterMs - before.notBeforeMs)
      : nowMs + expiryOf(flags.expiry);
  const notAfterMs = Math.min(wantedMs, issuer?.notAfterMs ?? wantedMs);
  const der = guarded(certFile, () =>
    renewCertificate(old.der, {
      signer,
      ...(issuer ? { issuer: issuer.certificate } : {}),
      notBeforeMs,
      notAfterMs,
    }),
  );
  const content = [der, ...old.chain].map(certificatePem).join("");
  return {
    before,
    after: inspectCertificate(der),
    isSelfSigned: old.isSelfSigned,
    isCutShort: notAfterMs < wantedMs,
    ...(await write(context, old, content, flags)),
  };
}

async function readOld(context: CommandContext, file: string): Promise<OldCertificate> {
  const path = resolve(context.cwd, file);
  let text: string;
  try {
    text = await readPemFile(path);
  } catch (cause) {
    if (!(cause instanceof PemFileError)) throw cause;
    throw new CommandError(`cannot read certificate '${file}': ${cause.message}`, { cause });
  }
  return guarded(file, () => {
    const [der, ...chain] = certificatesOfPem(text);
    return { file, path, text, der, chain, before: inspectCertificate(der), isSelfSigned: isSelfSigned(der) };
  });
}

/** Puts the new certificate where it is wanted. In place of the old one, that is kept beside it first. */
async function write(
  context: CommandContext,
  old: OldCertificate,
  content: string,
  { out, force }: RenewFlags,
): Promise<{ readonly file: string; readonly kept?: string }> {
  const target = await realpath(old.path);
  const path = resolve(context.cwd, out ?? old.path);
  const isThere = await exists(path);
  if (out === undefined || (isThere && (await realpath(path)) === target)) {
    const kept = `${target}.old`;
    await named(kept, () => keep(kept, target, old.text));
    await named(old.file, () => replace(target, content));
    return { file: old.file, kept: target === old.path ? `${old.file}.old` : kept };
  }
  if (isThere && !force) throw new CommandError(`'${out}' already exists. Use --force to overwrite it`);
  await named(out, () => (isThere ? replace(path, content) : publish(path, content, CERT_MODE)));
  return { file: out };
}

/** @param text - one character a byte */
async function keep(kept: string, target: string, text: string): Promise<void> {
  const content = Buffer.from(text, "latin1");
  const mode = (await stat(target)).mode & 0o777;
  // Whoever may write into the folder must not choose which file is overwritten.
  const found = await lstat(kept).catch(() => undefined);
  if (found?.isSymbolicLink()) throw new CommandError(`'${kept}' is a symbolic link: remove it first`);
  if (found !== undefined) await replace(kept, content, mode);
  else await publish(kept, content, mode);
}

function guarded<T>(file: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause;
    throw new CommandError(`'${file}': ${cause.message}`, { cause });
  }
}
