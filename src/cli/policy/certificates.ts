/** Looks at the ends of the certificates that a configuration names. */
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import type { CertificateFile, Inspection } from "../../config/inspect.js";
import { certificatesOfPemFile, inspectCertificate } from "../../identity/certificate.js";
import type { Finding } from "./findings.js";

const DAY_MS = 86_400_000;
/** The server's log begins to warn then, too. */
const SOON_DAYS = 30;
/** Of a folder of CA certificates. */
const MAX_FILES = 1000;

/**
 * Findings about certificates: of the server, of the CAs, of identities. Those of identities that have ended are the
 * loader's.
 */
export async function certificateFindings(
  inspection: Inspection,
  nowMs: number,
  cwd: string,
): Promise<readonly Finding[]> {
  const shown = (file: string): string => {
    const short = relative(cwd, file);
    return short.startsWith("..") ? file : short;
  };
  const findings = inspection.certificates
    .filter(({ notAfterMs }) => notAfterMs >= nowMs)
    .flatMap(({ file, use, place, notAfterMs }) => {
      const remedy = "renew it with the same key ('kes identity renew'), which keeps the identity";
      return endFindings({
        place,
        path: use,
        name: shown(file),
        notAfterMs,
        nowMs,
        remedy,
        severity: "warning",
      });
    });
  for (const file of inspection.certificateFiles) findings.push(...(await fileFindings(file, nowMs, shown)));
  return findings;
}

async function fileFindings(
  { use, file, place }: CertificateFile,
  nowMs: number,
  shown: (file: string) => string,
): Promise<Finding[]> {
  const findings: Finding[] = [];
  for (const one of await filesOf(file)) {
    try {
      const ends = (await certificatesOfPemFile(one)).map((der) => inspectCertificate(der).notAfterMs);
      const isOfServer = use === "tls.cert";
      findings.push(
        ...endFindings({
          place,
          path: use,
          name: shown(one),
          notAfterMs: Math.min(...ends),
          nowMs,
          remedy: isOfServer
            ? "no client accepts it then; renew it"
            : "clients with certificates of it are refused then",
          // Of several CAs some may have ended and be left for nobody's harm.
          severity: isOfServer ? "error" : "warning",
        }),
      );
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      const message = `cannot look at the certificate '${shown(one)}' here: ${reason}`;
      findings.push({ ...place, path: use, severity: "note", rule: "certificate-unread", message });
    }
  }
  return findings;
}

/** The file itself, or the files of a folder. */
async function filesOf(path: string): Promise<readonly string[]> {
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    // What is wrong with the path is told when it is read.
    () => false,
  );
  if (!isFolder) return [path];
  const entries = await readdir(path, { withFileTypes: true });
  const files = entries.filter((entry) => !entry.isDirectory() && !entry.name.startsWith("."));
  return files.slice(0, MAX_FILES).map((entry) => join(path, entry.name));
}

interface End {
  readonly place: CertificateFile["place"];
  readonly path: string;
  readonly name: string;
  readonly notAfterMs: number;
  readonly nowMs: number;
  readonly remedy: string;
  /** Once it has ended. */
  readonly severity: "error" | "warning";
}

function endFindings({ place, path, name, notAfterMs, nowMs, remedy, severity }: End): Finding[] {
  const days = (notAfterMs - nowMs) / DAY_MS;
  if (days > SOON_DAYS) return [];
  const day = new Date(notAfterMs).toISOString().slice(0, 10);
  if (days <= 0) {
    const message = `the certificate '${name}' ended on ${day}: ${remedy.replace(" then", "")}`;
    return [{ ...place, path, severity, rule: "certificate-ended", message }];
  }
  const left = days < 1 ? "less than a day" : days < 2 ? "1 day" : `${Math.floor(days)} days`;
  const message = `the certificate '${name}' ends on ${day}, in ${left}: ${remedy}`;
  return [{ ...place, path, severity: "warning", rule: "certificate-ends-soon", message }];
}
