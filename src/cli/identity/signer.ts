/** Whose key signs a renewed certificate: its own, or that of the CA that issued it. */
import { type KeyObject, X509Certificate } from "node:crypto";
import { basename, dirname, extname, join, resolve } from "node:path";
import { UsageError } from "../../errors.js";
import {
  CertificateError,
  type CertificateInfo,
  certificatesOfPemFile,
  inspectCertificate,
} from "../../identity/certificate.js";
import { wasIssuedBy } from "../../identity/renew.js";
import { type CommandContext, CommandError } from "../command.js";
import { exists } from "../init/layout.js";
import { readPrivateKey } from "./private-key-file.js";

/** No variable: the one for the client's password would be tried on another key. */
const CA_PASSWORD = { question: "Enter password for the CA's private key: ", variables: [] };

/** The certificate that is to be renewed. */
export interface OldCertificate {
  /** As given. */
  readonly file: string;
  /** Absolute. */
  readonly path: string;
  /** One character a byte. */
  readonly text: string;
  readonly der: Uint8Array;
  /** What follows it in the file. */
  readonly chain: readonly Uint8Array[];
  readonly before: CertificateInfo;
  readonly isSelfSigned: boolean;
}

/**
 * The private key of the certificate. @param keyFile - default: beside the certificate, as `kes init`, MinIO and many others have it
 * @throws CommandError
 */
export async function ownKey(
  context: CommandContext,
  old: OldCertificate,
  keyFile: string | undefined,
): Promise<KeyObject> {
  const file = keyFile ?? (await keyBeside(context, old.file));
  const key = await readPrivateKey(context, file);
  if (new X509Certificate(old.der).checkPrivateKey(key)) return key;
  throw new CommandError(`'${old.file}' does not belong to the private key in '${file}'`);
}

async function keyBeside(context: CommandContext, certFile: string): Promise<string> {
  const name = basename(certFile, extname(certFile));
  const candidates = [`${name}.key`, ...(name === "public" ? ["private.key"] : []), `${name}-key.pem`].map(
    (it) => join(dirname(certFile), it),
  );
  for (const candidate of candidates) if (await exists(resolve(context.cwd, candidate))) return candidate;
  throw new CommandError(`no private key found for '${certFile}'. Set the '--key' flag`);
}

/** A CA that can issue a certificate again. */
export interface Issuer {
  /** DER. */
  readonly certificate: Uint8Array;
  readonly key: KeyObject;
  readonly notAfterMs: number;
}

/** @throws CommandError, with what else can be done when the CA is somewhere else */
export async function issuerOf(
  context: CommandContext,
  old: OldCertificate,
  flags: { readonly "ca-cert": string | undefined; readonly "ca-key": string | undefined },
): Promise<Issuer> {
  const { "ca-cert": certFile, "ca-key": keyFile } = flags;
  if (certFile === undefined && keyFile === undefined) {
    throw new CommandError(`'${old.file}' was issued by a CA, which alone can renew it`, {
      hints: [
        "where the CA's files are: add --ca-cert CA.crt --ca-key CA.key",
        "else send a request for the same key to the CA, with: openssl x509 -x509toreq " +
          "-in CERT -signkey KEY -out REQUEST",
      ],
    });
  }
  if (certFile === undefined || keyFile === undefined) {
    throw new UsageError("'--ca-cert' and '--ca-key' must be given together");
  }
  const [certificate, info] = await readCa(context, certFile);
  if (!info.isCa) throw new CommandError(`'${certFile}' is not the certificate of a CA`);
  if (!isIssuer(old, certificate))
    throw new CommandError(`'${old.file}' was not issued by the CA of '${certFile}'`);
  const key = await readPrivateKey(context, keyFile, CA_PASSWORD);
  if (!new X509Certificate(certificate).checkPrivateKey(key)) {
    throw new CommandError(`'${certFile}' does not belong to the private key in '${keyFile}'`);
  }
  return { certificate, key, notAfterMs: info.notAfterMs };
}

async function readCa(context: CommandContext, file: string): Promise<[Uint8Array, CertificateInfo]> {
  try {
    const [certificate] = await certificatesOfPemFile(resolve(context.cwd, file));
    return [certificate, inspectCertificate(certificate)];
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause;
    throw new CommandError(`'${file}': ${cause.message}`, { cause });
  }
}

function isIssuer(old: OldCertificate, certificate: Uint8Array): boolean {
  try {
    return wasIssuedBy(old.der, certificate);
  } catch (cause) {
    if (!(cause instanceof CertificateError)) throw cause;
    throw new CommandError(`'${old.file}': ${cause.message}`, { cause });
  }
}
