/** The server's own key and certificate, read and checked against each other (KES configuration §5). */
import { type KeyObject, X509Certificate } from "node:crypto";
import { ConfigError } from "../errors.js";
import { CertificateError, type CertificateInfo, inspectCertificate } from "./certificate.js";
import { PemError, pemBlocks } from "./pem.js";
import { PemFileError, readPemFile } from "./pem-file.js";
import { PrivateKeyError, privateKeyOfPem } from "./private-key.js";

/** Where key and certificate stand. */
export interface ServerCredentialFiles {
  readonly keyFile: string;
  readonly certFile: string;
  /** Opens an encrypted key. */
  readonly password?: string;
}

/** What a TLS server is configured with. */
export interface ServerCredentials {
  /** PKCS#8 PEM, decrypted. Secret. */
  readonly key: string;
  /** PEM, the server's certificate first, then its chain. */
  readonly cert: string;
  /** The server's certificate. */
  readonly leaf: CertificateInfo;
}

const PREFIX = "failed to read TLS certificate: ";

/**
 * Reads both files. @throws ConfigError that names the file: missing, unreadable, malformed, encrypted
 * without password, not belonging together, or a certificate that names no host
 */
export async function readServerCredentials(files: ServerCredentialFiles): Promise<ServerCredentials> {
  const { keyFile, certFile } = files;
  const key = readKey(keyFile, await read(keyFile), files.password);
  const chain = readChain(certFile, await read(certFile));
  const [first] = chain;
  try {
    const leaf = inspectCertificate(first.bytes);
    if (!new X509Certificate(first.bytes).checkPrivateKey(key)) {
      throw fault(certFile, `${PREFIX}the certificate does not belong to the private key in '${keyFile}'`);
    }
    if (!leaf.namesHost) {
      throw fault(
        certFile,
        "invalid TLS certificate: certificate does not contain any DNS or IP address as SAN",
      );
    }
    return {
      key: key.export({ type: "pkcs8", format: "pem" }).toString(),
      cert: chain.map((block) => block.text).join(""),
      leaf,
    };
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw fault(
      certFile,
      PREFIX + (cause instanceof CertificateError ? cause.message : "invalid certificate"),
    );
  }
}

async function read(file: string): Promise<string> {
  try {
    return await readPemFile(file);
  } catch (cause) {
    if (cause instanceof PemFileError) throw fault(file, PREFIX + cause.message);
    throw cause;
  }
}

function readKey(file: string, text: string, password: string | undefined): KeyObject {
  try {
    return privateKeyOfPem(text, password);
  } catch (cause) {
    if (cause instanceof PrivateKeyError) throw fault(file, PREFIX + cause.message);
    throw cause;
  }
}

function readChain(file: string, text: string): [Block, ...Block[]] {
  let blocks: Block[];
  try {
    blocks = pemBlocks(text);
  } catch (cause) {
    if (cause instanceof PemError) throw fault(file, `${PREFIX}https: no valid PEM data`);
    throw cause;
  }
  if (blocks.some((block) => block.label !== "CERTIFICATE")) {
    throw fault(file, `${PREFIX}https: unsupported PEM data block`);
  }
  const [first, ...rest] = blocks;
  if (first === undefined) throw fault(file, `${PREFIX}https: no valid PEM data`);
  return [first, ...rest];
}

type Block = ReturnType<typeof pemBlocks>[number];

function fault(file: string, message: string): ConfigError {
  return new ConfigError([{ file, message }]);
}
