/** What a probe of one server says about the way to it, its certificate and its clock. */
import type { X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import { certificateEnd, error, type Finding, ok, warning } from "../../api/status/finding.js";
import type { Probe, ProbeAnswer } from "./probe.js";

/** Who was asked, and what is trusted. */
export interface Asked {
  readonly host: string;
  readonly port: number;
  /** As the person gave it; undefined for the system's authorities. */
  readonly ca: string | undefined;
  readonly isInsecure: boolean;
}

/** Findings up to the first answer; `isUsable` when there is one from a server that is trusted. */
export function connectionFindings(
  seen: Probe,
  asked: Asked,
  nowMs: number,
): { readonly findings: readonly Finding[]; readonly isUsable: boolean } {
  const { failed, chain, handshakeMs, answer } = seen;
  const [leaf] = chain;
  const findings: Finding[] = [];
  if (leaf !== undefined) {
    const ms = Math.max(1, Math.round(handshakeMs ?? 0));
    findings.push(ok("connection", `TLS with ${asked.host}:${asked.port} is set up in ${ms} ms`));
    findings.push(...dateFindings(chain, nowMs), nameFinding(leaf, asked.host), trustFinding(seen, asked));
  }
  if (failed !== undefined) findings.push(failureFinding(failed, asked));
  if (answer !== undefined) findings.push(...answerFindings(answer));
  const isTrusted =
    asked.isInsecure || !findings.some(({ level, check }) => level === "error" && check !== "clock");
  return { findings, isUsable: answer?.status === 200 && isTrusted };
}

const RENEW =
  "renew it and put it in the place of 'tls.cert': kes identity renew CERTIFICATE keeps key and names; " +
  "of a CA, issue a new one there";

function dateFindings([leaf, ...others]: readonly X509Certificate[], nowMs: number): readonly Finding[] {
  if (leaf === undefined) return [];
  const check = "server certificate";
  const begins = Date.parse(leaf.validFrom);
  const own =
    begins > nowMs
      ? error(
          check,
          `the server's certificate is not valid before ${new Date(begins).toISOString()}`,
          "set the clock of this machine or of the one that issued it (NTP), or issue it again",
        )
      : certificateEnd(check, "the server's certificate", Date.parse(leaf.validTo), nowMs, RENEW);
  const ended = others
    .map((one) => {
      const what = `the certificate of '${nameOf(one.subject)}' in its chain`;
      const remedy = "put the CA's new certificate behind the server's in 'tls.cert', and into --ca";
      return certificateEnd("certificate chain", what, Date.parse(one.validTo), nowMs, remedy);
    })
    .filter(({ level }) => level !== "ok");
  return [own, ...ended];
}

function nameFinding(leaf: X509Certificate, host: string): Finding {
  const check = "server name";
  const fits = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host);
  if (fits !== undefined) return ok(check, `the certificate names '${host}'`);
  const names = (leaf.subjectAltName ?? "").replace(/(DNS|IP Address):/g, "").replace(/"/g, "");
  const flag = isIP(host) === 0 ? "--dns" : "--ip";
  return error(
    check,
    `the certificate does not name '${host}'; it names: ${names || "nothing"}`,
    `connect by one of its names, or issue one that has this name as well: ` +
      `kes identity new --key server.key --cert server.crt ${flag} ${host}`,
  );
}

const SELF_SIGNED = /SELF_SIGNED/;
const INCOMPLETE = /UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER/;

function trustFinding({ distrust, chain }: Probe, { ca, isInsecure, host, port }: Asked): Finding {
  const check = "certificate chain";
  if (distrust === undefined) {
    return ok(
      check,
      `the certificate is trusted by ${ca === undefined ? "the system's authorities" : `'${ca}'`}`,
    );
  }
  // Dates have a finding of their own.
  if (/EXPIRED|NOT_YET_VALID/.test(distrust)) return error(check, "a certificate is not valid now", RENEW);
  const [leaf] = chain;
  const isOwn = leaf !== undefined && leaf.subject === leaf.issuer;
  const message =
    isOwn || SELF_SIGNED.test(distrust)
      ? `nothing that is trusted here has signed the certificate (${distrust})`
      : `the certificate was issued by '${nameOf(leaf?.issuer ?? "")}', which is not known here (${distrust})`;
  const remedy = isOwn
    ? `trust it: --ca FILE (or MINIO_KES_CAPATH) with the file that the server's configuration calls 'tls.cert'`
    : `trust its authority: --ca FILE (or MINIO_KES_CAPATH) with the CA's certificate`;
  const chainHint =
    INCOMPLETE.test(distrust) && !isOwn
      ? "; intermediate CAs belong behind the server's own in 'tls.cert'"
      : "";
  const show = `; openssl s_client -showcerts -connect ${host}:${port} </dev/null shows what it sends`;
  const make = isInsecure ? warning : error;
  return make(check, message, remedy + chainHint + show);
}

function failureFinding({ stage, code, message }: NonNullable<Probe["failed"]>, asked: Asked): Finding {
  const { host, port } = asked;
  const at = `${host}:${port}`;
  if (stage === "connect") {
    if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
      const remedy = "correct the name (--server, MINIO_KES_SERVER), or make it known to DNS or /etc/hosts";
      return error("connection", `the name '${host}' is not known (${code})`, remedy);
    }
    if (code === "ECONNREFUSED") {
      const remedy =
        "start the server there (kes server --config FILE); its 'address' must be one that is reachable from here, " +
        "not 127.0.0.1; or correct --server";
      return error("connection", `nothing listens at ${at}`, remedy);
    }
    const remedy = `let TCP to port ${port} through firewalls between here and there, or correct --server`;
    return error("connection", `${at} cannot be reached (${code || message})`, remedy);
  }
  if (/WRONG_VERSION_NUMBER|PACKET_LENGTH|HTTP_REQUEST|UNKNOWN_PROTOCOL|UNEXPECTED_MESSAGE/.test(code)) {
    const remedy =
      "the port is that of another service or of a proxy that ends TLS: give the key server's own port";
    return error("connection", `what listens at ${at} does not speak TLS (${code})`, remedy);
  }
  if (/ALERT_(?:CERTIFICATE|BAD_CERTIFICATE|UNKNOWN_CA|HANDSHAKE_FAILURE)|CERTIFICATE_REQUIRED/.test(code)) {
    const remedy =
      "MINIO_KES_CERT_FILE and MINIO_KES_KEY_FILE must name a certificate that the server takes: with 'tls.auth: on' " +
      "one that 'tls.ca' has signed, for client authentication";
    return error("client certificate", `the server refuses it (${code})`, remedy);
  }
  if (code === "ETIMEDOUT") {
    const remedy = "look at the server's load and its error log; --timeout 1m waits longer";
    return error("connection", `${at} accepts connections and does not answer`, remedy);
  }
  const remedy =
    "with 'tls.auth: on' a server hangs up on certificates of authorities unknown to it: have one signed by its " +
    "'tls.ca'; its error log says who was refused and why";
  return error("connection", `${at} hung up (${code || message})`, remedy);
}

/** Certificates of a few minutes' validity, and logs of several machines, suffer from more. */
const SKEW_WARNING_MS = 10_000;
const SKEW_ERROR_MS = 300_000;

function answerFindings({ status, serverMs, localMs }: ProbeAnswer): readonly Finding[] {
  const findings: Finding[] = [];
  if (status !== 200) {
    const remedy = "look whether --server names a key server, and for a proxy on the way";
    findings.push(error("version", `GET /version is answered with status ${status}`, remedy));
  }
  if (serverMs === undefined) return findings;
  // The header counts whole seconds.
  const skewMs = serverMs + 500 - localMs;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) < SKEW_WARNING_MS) {
    const message = seconds <= 1 ? "both clocks agree" : `the clocks are ${seconds} s apart`;
    return [...findings, ok("clock", message)];
  }
  const message = `the server's clock is ${seconds} s ${skewMs > 0 ? "ahead of" : "behind"} the one here`;
  const remedy = "have both machines' clocks set by NTP: timedatectl set-ntp true, then timedatectl status";
  const make = Math.abs(skewMs) >= SKEW_ERROR_MS ? error : warning;
  return [...findings, make("clock", message, remedy)];
}

/** The common name of a subject as Node writes it, or all of it on one line. */
function nameOf(subject: string): string {
  return /^CN=(.+)$/m.exec(subject)?.[1] ?? subject.replace(/\n/g, ", ");
}
