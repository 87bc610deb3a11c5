/** Makes the folder that a server starts from: keys, certificates, a keystore, a configuration. */
import type { KeyObject } from "node:crypto";
import { chmod, mkdir, readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { type CertificateInfo, identityOfKey } from "../../identity/certificate.js";
import { issueCertificate } from "../../identity/issue.js";
import { CommandError } from "../command.js";
import { isDraft, removeStaleDrafts } from "../file/drafts.js";
import { packageInfo } from "../package-root.js";
import { completeAuditKey, presentAuditKey } from "./audit-key.js";
import { configText } from "./config-text.js";
import { completePair, pairState } from "./credentials.js";
import { auditPathsOf, exists, type Holder, type Layout, POLICIES, pathsOf, surveyOf } from "./layout.js";
import { publish } from "./publish.js";

export interface FolderOptions {
  /** Names of the server's certificate. */
  readonly dns: readonly string[];
  readonly ip: readonly string[];
  /** How long the certificates are valid. */
  readonly expiryMs: number;
  readonly nowMs: number;
  /** Content of the policy document `minio`; read only where the folder gets a configuration. */
  readonly policyText: () => Promise<string>;
}

export interface FolderResult {
  /** Absolute paths. */
  readonly made: readonly string[];
  readonly kept: readonly string[];
  readonly certificates: Readonly<Record<Holder, CertificateInfo>>;
  /** Other users of this machine may enter the folder, which existed before. */
  readonly isOpenToOthers: boolean;
}

// A certificate is valid from a little before now, for clients whose clock is late.
const CLOCK_SKEW_MS = 5 * 60_000;

/**
 * Makes what is missing in the folder and overwrites nothing, so an interrupted run can be repeated.
 * @throws CommandError when nothing is missing, or what exists cannot be used; nothing has changed then
 */
export async function makeFolder(layout: Layout, options: FolderOptions): Promise<FolderResult> {
  const { present, missing } = await surveyOf(layout);
  if (missing.length === 0) {
    throw new CommandError(`'${layout.dir}' is complete already, nothing was changed: ${present.join(", ")}`);
  }
  // The configuration is written last, so no interrupted run leaves it without the rest: it is somebody's own.
  const auditPaths = auditPathsOf(layout);
  const lacksMore = missing.some((path) => !auditPaths.includes(path));
  if (layout.config !== undefined && present.includes(layout.config.file) && lacksMore) {
    throw new CommandError(
      `'${layout.config.file}' exists already, but not what kes init would make with it: ${missing.join(", ")}`,
    );
  }
  const states = {
    server: await pairState(pairOf(layout, "server")),
    admin: await pairState(pairOf(layout, "admin")),
    client: await pairState(pairOf(layout, "client")),
  };
  const auditKey = await presentAuditKey(layout.auditKey);
  const isNew = layout.config !== undefined && !present.includes(layout.config.file);
  const policyText = isNew ? await options.policyText() : "";

  const isOpenToOthers = await prepareFolder(layout);
  await removeStaleDrafts(layout.dir, options.nowMs);
  await mkdir(layout.keysDir, { recursive: true, mode: 0o700 });
  const complete = (holder: Holder): Promise<CertificateInfo> =>
    completePair(pairOf(layout, holder), states[holder], (key) => certificateFor(holder, key, options));
  const certificates = {
    server: await complete("server"),
    admin: await complete("admin"),
    client: await complete("client"),
  };
  await completeAuditKey(layout.auditKey, auditKey);
  if (isNew && layout.config !== undefined) {
    const { file, policyFile } = layout.config;
    await mkdir(dirname(policyFile), { recursive: true, mode: 0o700 });
    if (!(await exists(policyFile))) await publish(policyFile, policyText, 0o644);
    await publish(file, configText(layout, layout.config), 0o644);
  }
  return { made: missing, kept: present, certificates, isOpenToOthers };
}

/** The certificates of a folder that is complete. @throws CommandError when it is not */
export async function readFolder(layout: Layout): Promise<Readonly<Record<Holder, CertificateInfo>>> {
  const read = async (holder: Holder): Promise<CertificateInfo> => {
    const state = await pairState(pairOf(layout, holder));
    if (state.has === "both") return state.info;
    throw new CommandError(`'${layout.certFile[holder]}' is missing`);
  };
  return { server: await read("server"), admin: await read("admin"), client: await read("client") };
}

function pairOf(layout: Layout, holder: Holder): { keyFile: string; certFile: string } {
  return { keyFile: layout.keyFile[holder], certFile: layout.certFile[holder] };
}

function certificateFor(holder: Holder, key: KeyObject, options: FolderOptions): Uint8Array {
  const validity = {
    notBeforeMs: options.nowMs - CLOCK_SKEW_MS,
    notAfterMs: options.nowMs + options.expiryMs,
  };
  if (holder === "server") {
    const { dns, ip } = options;
    return issueCertificate({ commonName: "localhost", key, ...validity, dns, ip, usages: ["serverAuth"] });
  }
  return issueCertificate({ commonName: identityOfKey(key), key, ...validity, usages: ["clientAuth"] });
}

/** @returns whether others may enter the folder */
async function prepareFolder(layout: Layout): Promise<boolean> {
  await mkdir(dirname(layout.dir), { recursive: true });
  try {
    await mkdir(layout.dir, { mode: 0o700 });
    return false;
  } catch (cause) {
    if (!(cause instanceof Error && "code" in cause && cause.code === "EEXIST")) throw cause;
  }
  const found = await stat(layout.dir);
  if (!found.isDirectory()) throw new CommandError(`'${layout.dir}' exists and is not a folder`);
  if ((found.mode & 0o077) === 0) return false;
  // A folder with other things in it has its mode for a reason that is not ours.
  const ours = new Set([...pathsOf(layout).map((path) => basename(path)), POLICIES]);
  const others = (await readdir(layout.dir)).filter((name) => !ours.has(name) && !isDraft(name));
  if (others.length > 0) return true;
  await chmod(layout.dir, 0o700);
  return false;
}

/** The policy document that comes with Keswick. */
export function policyText(): Promise<string> {
  return readFile(join(packageInfo().root, "policies", "minio.yml"), "utf8");
}
