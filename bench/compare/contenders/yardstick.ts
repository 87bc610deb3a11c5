/** The yardstick: a Go server made for comparison, bench/peers/yardstick. */
import { join } from "node:path";
import { freePort } from "../../../test/support/child-process.js";
import { Contender } from "./contender.js";
import { prepareKeyApi } from "./key-api.js";
import type { BenchSite } from "./site.js";
import { spawnServer } from "./spawned.js";

/** @param version - of Go; the yardstick has none of its own */
export async function startYardstick(site: BenchSite, binary: string, version: string): Promise<Contender> {
  const port = await freePort();
  const outputFile = join(site.folder, "yardstick.log");
  const server = await spawnServer(
    [
      binary,
      ...["-addr", `127.0.0.1:${port}`, "-cert", site.serverCert, "-key", site.serverKey],
      ...["-identity", site.client.identity, "-audit", outputFile],
    ],
    { port, outputFile },
  );
  return new Contender(
    {
      id: "yardstick",
      name: "Go yardstick",
      version: `${version}, net/http`,
      protocols: ["h1", "h2"],
      server,
      ...(await prepareKeyApi(port, site.client, site.client)),
    },
    site,
  );
}
