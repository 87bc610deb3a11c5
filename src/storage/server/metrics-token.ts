/** The bearer token that `mc admin prometheus generate` makes: a JWT signed by the root's secret. */
import { createHmac, timingSafeEqual } from "node:crypto";

/** Longest token that is looked at. */
const MAX_CHARACTERS = 2_048;

/**
 * True for a token of the root's (HS512, issuer `prometheus`) that has not expired.
 * @param accessKey - of the root
 */
export function isMetricsToken(token: string, accessKey: string, secret: string, nowMs: number): boolean {
  if (token.length > MAX_CHARACTERS) return false;
  const [head = "", body = "", signature = ""] = token.split(".");
  const computed = createHmac("sha512", secret).update(`${head}.${body}`).digest();
  const given = Buffer.from(signature, "base64url");
  if (given.length !== computed.length || !timingSafeEqual(given, computed)) return false;
  const { alg } = membersOf(head);
  const { sub, iss, exp } = membersOf(body);
  return alg === "HS512" && sub === accessKey && iss === "prometheus" && Number(exp) * 1000 > nowMs;
}

function membersOf(part: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    // Signed, but no JSON: no claim holds.
    return {};
  }
}
