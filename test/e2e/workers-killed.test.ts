import { expect } from "chai";
import { KesClient } from "../../src/client/client.js";
import { isKesError } from "../../src/errors.js";
import { until } from "../support/child-process.js";
import { type CliServer, type CliSite, makeCliSite, startCliServer } from "../support/cli-site.js";
import { workerPids } from "../support/worker-pids.js";

const KILLS = 6;
const CLIENTS = 6;

describe("e2e: workers that are killed under load", function () {
  this.timeout(120_000);
  let site: CliSite;
  let server: CliServer;
  const clients: KesClient[] = [];

  before(async () => {
    site = await makeCliSite();
    await site.configure({ server: "server:\n  workers: 2\n" });
    server = await startCliServer(site);
    for (let i = 0; i < CLIENTS; i++) {
      clients.push(
        new KesClient({
          endpoints: server.url,
          ca: site.server.certPem,
          certificate: site.admin.certPem,
          key: site.admin.keyPem,
        }),
      );
    }
  });
  after(async () => {
    await Promise.all(clients.map((client) => client.close()));
    await server.process.stop();
    await site.remove();
  });

  it("cost a client of the SDK neither an operation nor a right answer", async () => {
    const [first] = clients;
    await first?.createKey("load");
    let isOver = false;
    let operations = 0;
    const created: string[] = [];
    const uncertain: string[] = [];
    const work = clients.map(async (client, who) => {
      for (let i = 0; !isOver; i++) {
        const context = Buffer.from(`${who}-${i}`);
        const dek = await client.generateKey("load", { context });
        const opened = await client.decrypt("load", dek.ciphertext, { context });
        expect(opened.equals(dek.plaintext)).to.equal(true);
        operations += 2;
        if (i % 20 !== 0) continue;
        const name = `made-${who}-${i}`;
        try {
          await client.createKey(name);
          created.push(name);
        } catch (error) {
          // What nobody can know is said so, and never that it was made when it was not.
          if (!isKesError(error, "KEY_CREATE_UNCERTAIN", "KEY_EXISTS")) throw error;
          uncertain.push(name);
        }
        operations += 1;
      }
    });
    const killing = (async () => {
      for (let i = 0; i < KILLS; i++) {
        const before = operations;
        await until("operations between two kills", async () => operations > before + 100, 30_000);
        const pids = await workerPids(server.process.pid);
        const pid = pids[i % Math.max(1, pids.length)];
        if (pid !== undefined) process.kill(pid, "SIGKILL");
      }
      const before = operations;
      await until("operations after the last", async () => operations > before + 100, 30_000);
    })().finally(() => {
      isOver = true;
    });
    await Promise.all([killing, ...work]);
    expect(server.process.stderr.split("ended by SIGKILL").length - 1).to.equal(KILLS);
    for (const name of created) await first?.generateKey(name);
    expect(uncertain.length).to.be.at.most(KILLS * CLIENTS);
  });
});
