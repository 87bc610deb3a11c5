/**
 * The certificate of an API key's holder (KES reference §7.3), written without node-forge.
 *
 * Every start of a client makes one, and loading node-forge costs more than all the rest of it. This is the one
 * template and nothing else; a test holds it byte for byte against {@link issueCertificate}.
 */
import { createPublicKey, randomBytes, sign } from "node:crypto";
import type { ApiKey } from "./api-key.js";

/** When the certificate is good, in milliseconds since the epoch; whole seconds are kept. Years 1950 to 9999. */
export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

// RFC 8410: Ed25519, without parameters.
const ED25519 = sequence(hex("06032b6570"));
// keyUsage digitalSignature (critical), basicConstraints cA=FALSE (critical), extKeyUsage clientAuth.
const EXTENSIONS = element(
  0xa3,
  sequence(
    sequence(hex("0603551d0f"), hex("0101ff"), hex("040403020780")),
    sequence(hex("0603551d13"), hex("0101ff"), hex("04023000")),
    sequence(hex("0603551d25"), hex("040c300a06082b06010505070302")),
  ),
);

/**
 * A self-signed client certificate of `apiKey`.
 * @param serial - 16 bytes, the first from 1 to 127, so that it is a positive and minimal INTEGER
 * @returns DER
 */
export function clientCertificate(apiKey: ApiKey, validity: Validity, serial = serialNumber()): Uint8Array {
  const { privateKey, identity } = apiKey;
  const name = sequence(element(0x31, sequence(hex("0603550403"), element(0x0c, Buffer.from(identity)))));
  const body = sequence(
    hex("a003020102"), // version 3
    element(0x02, serial),
    ED25519,
    name,
    sequence(time(validity.notBeforeMs), time(validity.notAfterMs)),
    name,
    createPublicKey(privateKey).export({ type: "spki", format: "der" }),
    EXTENSIONS,
  );
  const signature = sign(null, body, privateKey);
  return sequence(body, ED25519, element(0x03, Uint8Array.of(0), signature));
}

function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes;
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280, section 4.1.2.5). */
function time(ms: number): Uint8Array {
  // 2026-11-21T15:56:09.172Z
  const digits = new Date(ms).toISOString().slice(0, 19).replace(/[-T:]/g, "");
  return digits < "2050"
    ? element(0x17, Buffer.from(`${digits.slice(2)}Z`))
    : element(0x18, Buffer.from(`${digits}Z`));
}

function sequence(...members: Uint8Array[]): Uint8Array {
  return element(0x30, ...members);
}

function element(tag: number, ...content: Uint8Array[]): Uint8Array {
  const length = content.reduce((sum, part) => sum + part.length, 0);
  // Nothing in this template reaches 64 KiB.
  const size =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Uint8Array.of(tag, ...size), ...content]);
}

function hex(text: string): Uint8Array {
  return Buffer.from(text, "hex");
}
