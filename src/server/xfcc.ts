/**
 * `X-Forwarded-Client-Cert` as Envoy writes it: elements by comma, one for each proxy on the way; in an element pairs
 * `Key=value` by semicolon. Values that hold one of `,;=` stand in double quotes, in which a backslash escapes.
 */

/** What one proxy says of its client. Values are still URL-encoded. */
export interface XfccElement {
  /** Hex SHA-256 of the certificate. */
  readonly hash?: string;
  readonly cert?: string;
  /** The certificate and the chain behind it. */
  readonly chain?: string;
}

/** What is wrong with a value: it is not of this form, or it says one thing twice. */
export type XfccFault = "malformed" | "ambiguous";

const PAIR = /[ \t]*([A-Za-z]{1,32})=(?:"((?:[^"\\]|\\.)*)"|([^,;"]*))[ \t]*(?:([,;])|$)/y;
const SINGLE: ReadonlySet<string> = new Set(["by", "hash", "cert", "chain", "subject"]);
/** Elements and pairs of one value: far more than any way through proxies has. */
const MAX_PAIRS = 256;

/**
 * The elements of `value`, that of the nearest proxy last.
 *
 * Envoy does not quote `URI` and `DNS`, which are text of the client's own certificate: a client without any issuer
 * can write `;Cert=…` or `,Cert=…` there. So a key that comes once by nature must not come twice, and whoever uses
 * this must not choose between elements.
 */
export function readXfcc(value: string): readonly XfccElement[] | XfccFault {
  const elements: Record<string, string>[] = [{}];
  PAIR.lastIndex = 0;
  for (let count = 0; count < MAX_PAIRS; count++) {
    const pair = PAIR.exec(value);
    const element = elements.at(-1);
    if (pair === null || element === undefined) return "malformed";
    const [, name = "", quoted, bare = "", end] = pair;
    const key = name.toLowerCase();
    if (SINGLE.has(key)) {
      if (Object.hasOwn(element, key)) return "ambiguous";
      element[key] = quoted === undefined ? bare.trimEnd() : quoted.replace(/\\(.)/g, "$1");
    }
    if (end === undefined) return elements;
    if (end === ",") elements.push({});
  }
  return "malformed";
}
