/** The client's own certificate: whether a server can take it. */
import { X509Certificate } from "node:crypto";
import { certificateEnd, error, type Finding, ok } from "../../api/status/finding.js";
import type { ClientCertificate } from "../../client/credentials.js";

const CLIENT_AUTH = "1.3.6.1.5.5.7.3.2";
const RENEW = "kes identity renew CERTIFICATE makes a new one with the same key, which keeps the identity";

/** @param isApiKey - it is made anew for each run */
export function ownFindings(own: ClientCertificate, isApiKey: boolean, nowMs: number): readonly Finding[] {
  const check = "client certificate";
  if (isApiKey) return [ok(check, `API key with the identity ${own.identity}`)];
  const leaf = new X509Certificate(own.cert);
  const begins = Date.parse(leaf.validFrom);
  const findings = [certificateEnd(check, "your certificate", own.notAfterMs, nowMs, RENEW)];
  if (begins > nowMs) {
    const remedy = "set the clock of this machine (timedatectl set-ntp true), or issue it again";
    findings.push(
      error(check, `your certificate is not valid before ${new Date(begins).toISOString()}`, remedy),
    );
  }
  // Absent: for every use. Servers with 'tls.auth: on' refuse others.
  const usages: readonly string[] | undefined = leaf.keyUsage;
  if (usages !== undefined && !usages.includes(CLIENT_AUTH)) {
    const remedy = "issue it with the extended key usage clientAuth; kes identity new does";
    findings.push(error(check, "your certificate is not for client authentication", remedy));
  }
  return findings;
}
