/** The original KES, where somebody has its binary: no registry serves it any more. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort, runOk } from "../../../test/support/child-process.js";
import { Contender } from "./contender.js";
import { kesConfig } from "./keswick.js";
import { prepareKeyApi } from "./key-api.js";
import type { BenchSite } from "./site.js";
import { spawnServer } from "./spawned.js";

export async function startOriginal(site: BenchSite, binary: string): Promise<Contender> {
  const folder = join(site.folder, "original");
  await mkdir(join(folder, "keys"), { recursive: true, mode: 0o700 });
  const configFile = join(folder, "kes.yml");
  await writeFile(configFile, kesConfig(site, join(folder, "keys")));
  const version = (await runOk([binary, "--version"])).trim().split("\n")[0] ?? "";
  const port = await freePort();
  const server = await spawnServer(
    [binary, "server", "--config", configFile, "--addr", `127.0.0.1:${port}`],
    {
      port,
      outputFile: join(folder, "output"),
      cwd: folder,
      env: { HOME: folder },
    },
  );
  return new Contender(
    {
      id: "kes",
      name: "original KES",
      version,
      protocols: ["h1", "h2"],
      server,
      ...(await prepareKeyApi(port, site.admin, site.client)),
    },
    site,
  );
}
