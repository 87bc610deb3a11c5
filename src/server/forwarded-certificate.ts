/** The certificate in a header that a proxy sends, in every form that common proxies have (KES reference §8). */
import { createHash } from "node:crypto";
import type { ForwardingFormat } from "../config/config.js";
import { decodeBase64 } from "../crypto/base64.js";
import { KesError } from "../errors.js";
import { inspectCertificate } from "../identity/certificate.js";
import { readXfcc, type XfccElement } from "./xfcc.js";

/** Longest header value that is decoded; a PEM certificate of an RSA-8192 key stays below 10 KiB. */
const MAX_VALUE = 32 * 1024;
/** Certificates in one chain. */
const MAX_CHAIN = 16;

type Form = Exclude<ForwardingFormat, "auto">;

const READERS: Readonly<Record<Form, (value: string) => Buffer>> = {
  pem: (value) => leafOf(unescaped(value)),
  der: (value) => fromBase64(unescaped(value)),
  xfcc: readEnvoy,
  rfc9440: readByteSequence,
};

/**
 * The DER of the client's certificate in `value`. A chain may follow it, as in TLS (reference §7.2); a second
 * certificate that is not a CA's is refused.
 *
 * @throws KesError `PROXY_CERTIFICATE_INVALID`, `PROXY_CERTIFICATE_AMBIGUOUS`, `PROXY_CERTIFICATE_MISSING`
 */
export function readForwarded(value: string, format: ForwardingFormat): Buffer {
  if (value.length > MAX_VALUE) throw invalid();
  return READERS[format === "auto" ? formOf(value) : format](value);
}

/**
 * The four forms cannot be taken for one another: the base64 of a certificate begins with `MI`, and holds none of
 * the characters that mark the others.
 */
function formOf(value: string): Form {
  if (value.startsWith(":")) return "rfc9440";
  if (/^\s*(?:-|%2d)/i.test(value)) return "pem";
  return /^\s*[a-z]{1,32}=./i.test(value) ? "xfcc" : "der";
}

/** URL-encoding undone. A `+` stays a plus: base64 holds it, and not every proxy escapes it. */
function unescaped(value: string): string {
  if (!value.includes("%")) return value;
  try {
    return decodeURIComponent(value);
  } catch (cause) {
    throw invalid(cause);
  }
}

// Form-encoders write the blank as a plus. Of the body only base64 and white space are taken: folded headers have tabs.
const BLOCK = /-----BEGIN[ +]CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END[ +]CERTIFICATE-----/y;

/** The first certificate of a PEM chain. What stands behind the chain and is no certificate is ignored, as in KES. */
function leafOf(pem: string): Buffer {
  const starts = [...pem.matchAll(/-----BEGIN[ +]CERTIFICATE-----/g)].map(({ index }) => index);
  if (starts.length > MAX_CHAIN || pem.slice(0, starts[0]).trim() !== "") throw invalid();
  const [leaf, ...issuers] = starts.map((start) => {
    BLOCK.lastIndex = start;
    const body = BLOCK.exec(pem)?.[1];
    return body === undefined ? undefined : decodeBase64(body.replace(/\s/g, ""));
  });
  if (leaf === undefined) throw invalid();
  for (const issuer of issuers) if (issuer === undefined || !isCa(issuer)) throw ambiguous();
  return leaf;
}

function isCa(der: Buffer): boolean {
  try {
    return inspectCertificate(der).isCa;
  } catch {
    return false;
  }
}

function fromBase64(text: string): Buffer {
  // Joined from several headers by a proxy in between.
  if (text.includes(",")) throw ambiguous();
  const der = decodeBase64(text.trim());
  if (der === undefined || der.length === 0) throw invalid();
  return der;
}

/** `Client-Cert: :base64:` (RFC 9440), a byte sequence of RFC 8941, in which padding may be missing. */
function readByteSequence(value: string): Buffer {
  if (/:\s*,/.test(value)) throw ambiguous();
  const body = /^\s*:([A-Za-z0-9+/]*={0,2}):\s*$/.exec(value)?.[1];
  if (body === undefined) throw invalid();
  const bare = body.replace(/=+$/, "");
  return fromBase64(bare.padEnd(Math.ceil(bare.length / 4) * 4, "="));
}

/**
 * One element is taken and no more: which of several is the client's depends on how each proxy on the way is set up,
 * and a client's certificate can be made so that it looks like another element (see {@link readXfcc}).
 */
function readEnvoy(value: string): Buffer {
  const elements = readXfcc(value);
  if (elements === "malformed") throw invalid();
  const [element] = elements;
  if (elements === "ambiguous" || elements.length > 1 || typeof element !== "object") throw ambiguous();
  const leaf = leafIn(element);
  const { hash } = element;
  // Comes first in an element and so cannot be the client's own text.
  if (hash !== undefined && hash.toLowerCase() !== createHash("sha256").update(leaf).digest("hex"))
    throw ambiguous();
  return leaf;
}

function leafIn({ cert, chain }: XfccElement): Buffer {
  if (cert === undefined && chain === undefined) throw new KesError("PROXY_CERTIFICATE_MISSING");
  const leaf = leafOf(unescaped(cert ?? chain ?? ""));
  if (cert !== undefined && chain !== undefined && !leafOf(unescaped(chain)).equals(leaf)) throw ambiguous();
  return leaf;
}

function invalid(cause?: unknown): KesError {
  return new KesError("PROXY_CERTIFICATE_INVALID", [], cause === undefined ? undefined : { cause });
}

function ambiguous(): KesError {
  return new KesError("PROXY_CERTIFICATE_AMBIGUOUS");
}
