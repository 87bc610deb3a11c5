/** Our server as a process of its own, and its admin's client. */
import { KesClient } from "../../src/client/index.js";
import { type CliSite, startCliServer } from "../../test/support/cli-site.js";

export interface OpenServer {
  readonly client: KesClient;
  /** Closes the client and ends the server. */
  readonly stop: () => Promise<void>;
}

export async function openServer(site: CliSite): Promise<OpenServer> {
  const server = await startCliServer(site);
  const client = new KesClient({
    endpoints: server.url,
    certificate: site.admin.certPem,
    key: site.admin.keyPem,
    ca: site.server.certPem,
  });
  return {
    client,
    async stop() {
      await client.close();
      await server.process.stop();
    },
  };
}
