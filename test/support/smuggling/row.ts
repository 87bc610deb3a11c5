/** What an attacker tries in order to be somebody else: the table's columns, and the words its rows are made of. */
import { createHash } from "node:crypto";
import type { TestCertificate } from "../certificates.js";

/** Who takes part. The attacker has a certificate of his own, and everybody's certificates, but no other key. */
export interface Cast {
  readonly attacker: TestCertificate;
  /** May use keys. */
  readonly victim: TestCertificate;
  readonly admin: TestCertificate;
  /** Listed as proxy, where there are any. */
  readonly proxy: TestCertificate;
}

/** What is sent on one connection. */
export interface Attack {
  /** PEM shown in the handshake; the key is that of the first. Without it the attacker's own. */
  readonly chain?: string;
  /** Key of the first of `chain`, where that is not the attacker's. */
  readonly keyPem?: string;
  readonly protocol: "h2" | "http/1.1";
  /** Before TLS begins. */
  readonly before?: Buffer;
  readonly bytes: Buffer;
}

export interface SmugglingRow {
  readonly why: string;
  readonly attack: (cast: Cast) => Attack;
}

/** An address that nobody in the table has: it must not get into a record. */
export const SPOOFED_IP = "203.0.113.66";
/** A request whose answer says who the server takes the caller for. */
export const WHO = "/v1/identity/self/describe";

/** The four forms of a forwarded certificate. */
export const forwarded = {
  pem: ({ certPem }: TestCertificate): string => encodeURIComponent(certPem),
  der: ({ der }: TestCertificate): string => Buffer.from(der).toString("base64"),
  xfcc: ({ certPem, der }: TestCertificate): string => {
    const hash = createHash("sha256").update(der).digest("hex");
    return `Hash=${hash};Cert="${encodeURIComponent(certPem)}";Subject="CN=victim"`;
  },
  rfc9440: ({ der }: TestCertificate): string => `:${Buffer.from(der).toString("base64")}:`,
};
