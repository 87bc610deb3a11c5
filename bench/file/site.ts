/** A key server of its own process, and what its client needs in the environment. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { builtCli } from "../../test/support/built-cli.js";
import { runOk } from "../../test/support/child-process.js";
import type { CleanUp } from "../../test/support/clean-up.js";
import { makeCliSite, startCliServer } from "../../test/support/cli-site.js";

export interface FileSite {
  /** Runs `kes` as administrator. */
  readonly env: Readonly<Record<string, string>>;
  /** The script that `kes` stands for, compiled. */
  readonly main: string;
}

/** Starts a server that has the key `bench`. */
export async function startFileSite(cleanUp: CleanUp): Promise<FileSite> {
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  const keyFile = join(site.folder, "admin.key");
  const certFile = join(site.folder, "admin.crt");
  await writeFile(keyFile, site.admin.keyPem, { mode: 0o600 });
  await writeFile(certFile, site.admin.certPem);
  const server = await startCliServer(site);
  cleanUp.add(() => server.process.stop());
  const env = {
    MINIO_KES_SERVER: server.url,
    MINIO_KES_CAPATH: join(site.folder, "server.crt"),
    MINIO_KES_KEY_FILE: keyFile,
    MINIO_KES_CERT_FILE: certFile,
  };
  const { main } = await builtCli();
  await runOk([process.execPath, main, "key", "create", "bench"], { env });
  return { env, main };
}
