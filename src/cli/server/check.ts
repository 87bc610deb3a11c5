/** `kes server --check`: loads everything, reaches the keystore, and says what was found. */
import { causes } from "../../audit/error-log.js";
import type { Config } from "../../config/config.js";
import { formatFault } from "../../errors.js";
import type { Keystore } from "../../keystore/contract.js";
import { checkAudit } from "../../server/audit-config.js";
import type { TlsSettings } from "../../server/tls.js";

/** Longest wait for the keystore. */
const STATUS_TIMEOUT_MS = 15_000;

/** @returns the report and whether the server could start */
export async function checkServer(
  config: Config,
  loadTls: () => Promise<TlsSettings>,
  open: () => Promise<Keystore>,
): Promise<{ report: string; ok: boolean }> {
  const lines = [`configuration  ${config.file}: well-formed`];
  for (const warning of config.warnings) lines.push(`warning        ${formatFault(warning)}`);
  const identities = config.policies.reduce((sum, policy) => sum + policy.identities.length, 0);
  lines.push(`admin          ${config.admin.identity ?? "<disabled>"}`);
  lines.push(`policies       ${config.policies.length} with ${identities} identities`);
  const tls = await loadTls();
  lines.push(`certificate    ${config.tls.certFile}: ends ${new Date(tls.notAfterMs).toISOString()}`);
  lines.push(`clients        ${clientMode(tls)}`);
  for (const { use, file, notAfterMs } of config.certificates) {
    lines.push(`identity       ${use} (${file}): ends ${new Date(notAfterMs).toISOString()}`);
  }
  const audit = await checkAudit(config);
  if (audit !== undefined) lines.push(`audit file     ${audit}`);
  const ok = await checkKeystore(open, lines);
  return { report: `${lines.join("\n")}\n`, ok: ok && tls.notAfterMs > Date.now() };
}

function clientMode(tls: TlsSettings): string {
  const need = tls.requireCertificate ? "certificate required" : "certificate optional";
  return `${need}, ${tls.verifyCertificate ? "verified against the CAs" : "known by its public key alone"}`;
}

async function checkKeystore(open: () => Promise<Keystore>, lines: string[]): Promise<boolean> {
  let keystore: Keystore | undefined;
  try {
    keystore = await open();
    const started = performance.now();
    await keystore.status(AbortSignal.timeout(STATUS_TIMEOUT_MS));
    const page = await keystore.list({ prefix: "", limit: 1000 }, AbortSignal.timeout(STATUS_TIMEOUT_MS));
    const count = `${page.names.length}${page.more ? " or more" : ""}`;
    const latency = (performance.now() - started).toFixed(1);
    lines.push(`keystore       ${keystore.description}: answers in ${latency} ms, ${count} keys`);
    return true;
  } catch (error) {
    lines.push(`keystore       ${keystore?.description ?? "could not be opened"}: ${causes(error)}`);
    return false;
  } finally {
    await keystore?.close();
  }
}
