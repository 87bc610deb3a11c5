/** What `kes init` makes in a folder, and how much of it is there already. */
import { lstat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/** Who has a key and a certificate. */
export const HOLDERS = ["server", "admin", "client"] as const;
export type Holder = (typeof HOLDERS)[number];

/** Absolute paths of everything in the folder. */
export interface Layout {
  readonly dir: string;
  readonly keysDir: string;
  /** Absent where the folder belongs to a `kes-config.yml` beside it. */
  readonly config?: { readonly file: string; readonly policyFile: string };
  readonly keyFile: Readonly<Record<Holder, string>>;
  readonly certFile: Readonly<Record<Holder, string>>;
  /** Signs the checkpoints of an audit file. */
  readonly auditKey: { readonly keyFile: string; readonly publicFile: string };
}

/** The name of the folder that belongs to the project's own `kes-config.yml`, beside it. */
export const PROJECT_FOLDER = ".keswick";
export const CONFIG_NAME = "kes-config.yml";
/** The folder of policy documents beside a configuration. */
export const POLICIES = "policies";

/** @param dir - absolute */
export async function layoutOf(dir: string): Promise<Layout> {
  const belongs = basename(dir) === PROJECT_FOLDER && (await exists(join(dirname(dir), CONFIG_NAME)));
  const files = (suffix: string): Readonly<Record<Holder, string>> => ({
    server: join(dir, `server.${suffix}`),
    admin: join(dir, `admin.${suffix}`),
    client: join(dir, `client.${suffix}`),
  });
  return {
    dir,
    keysDir: join(dir, "keys"),
    ...(belongs
      ? {}
      : { config: { file: join(dir, CONFIG_NAME), policyFile: join(dir, POLICIES, "minio.yml") } }),
    keyFile: files("key"),
    certFile: files("crt"),
    auditKey: { keyFile: join(dir, "audit.key"), publicFile: join(dir, "audit.pub") },
  };
}

/** Every path of a layout, in the order in which they are made: an interrupted run leaves a beginning of it. */
export function pathsOf(layout: Layout): string[] {
  const pairs = HOLDERS.flatMap((holder) => [layout.keyFile[holder], layout.certFile[holder]]);
  const config = layout.config ? [layout.config.policyFile, layout.config.file] : [];
  return [layout.keysDir, ...pairs, ...auditPathsOf(layout), ...config];
}

/** The part of {@link pathsOf} that nothing else needs: folders made by earlier versions lack it. */
export function auditPathsOf({ auditKey }: Layout): string[] {
  return [auditKey.keyFile, auditKey.publicFile];
}

/** Which of a layout's paths exist. */
export async function surveyOf(layout: Layout): Promise<{ present: string[]; missing: string[] }> {
  const present: string[] = [];
  const missing: string[] = [];
  for (const path of pathsOf(layout)) ((await exists(path)) ? present : missing).push(path);
  return { present, missing };
}

/** True for anything of that name, a dangling symbolic link included: none of it may be overwritten. */
export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? cause.code : undefined;
    if (code === "ENOENT" || code === "ENOTDIR") return false;
    throw cause;
  }
}
