/** `cluster.peers`: nodes of two workers each on one keystore, as processes of their own, with their own certificates. */
import { join } from "node:path";
import { expect } from "chai";
import { ApiClient } from "../support/api-client.js";
import { freePort, RunningProcess, until } from "../support/child-process.js";
import { type CliSite, makeCliSite } from "../support/cli-site.js";
import { kesProgram } from "../support/started-site.js";

describe("e2e: nodes that tell each other of changed keys", function () {
  this.timeout(90_000);
  const sites: CliSite[] = [];
  const ports: number[] = [];
  const nodes: (RunningProcess | undefined)[] = [];
  const clients: ApiClient[] = [];

  before(async () => {
    for (let i = 0; i < 2; i++) {
      sites.push(await makeCliSite());
      ports.push(await freePort());
    }
    for (const i of [0, 1]) {
      const [own, other] = [siteOf(i), siteOf(1 - i)];
      await own.configure({
        server: "server:\n  workers: 2\n",
        keystore: `keystore:\n  fs:\n    path: ${join(siteOf(0).folder, "keys")}\n`,
        // Nothing comes to light by itself while this runs.
        cache: "cache:\n  expiry:\n    any: 1h\n    unused: 1h\n",
        policy: `policy:\n  nodes:\n    allow:\n    - /v1/key/changed/*\n    identities:\n    - ${other.server.identity}\n`,
        more: `cluster:\n  peers:\n  - https://127.0.0.1:${ports[1 - i]}\n  tls:\n    ca: ${other.folder}/server.crt\n`,
      });
      nodes[i] = await start(i);
    }
  });
  after(async () => {
    for (const client of clients) client.close();
    await Promise.all(nodes.map((node) => node?.stop()));
    for (const site of sites) await site.remove();
  });

  function siteOf(i: number): CliSite {
    const site = sites[i];
    if (site === undefined) throw new Error("no such site");
    return site;
  }
  const start = (i: number): Promise<RunningProcess> =>
    RunningProcess.start(
      [...kesProgram, "server", "--config", siteOf(i).configFile, "--addr", `127.0.0.1:${ports[i]}`],
      async ({ stdout }) => stdout.includes("=> Server is up and running..."),
    );
  /** Enough connections that each worker has some. */
  const clientsOf = (i: number): ApiClient[] => {
    const made = Array.from({ length: 4 }, () => new ApiClient("h2", ports[i] ?? 0, siteOf(i).admin));
    clients.push(...made);
    return made;
  };
  const statuses = async (of: readonly ApiClient[], name: string): Promise<string> => {
    const all = of.map((one) => one.send({ method: "PUT", path: `/v1/key/generate/${name}` }));
    return (await Promise.all(all)).map(({ status }) => status).join();
  };

  it("a delete on one ends its use by every worker of the other, within moments", async () => {
    const [a, b] = [clientsOf(0), clientsOf(1)];
    for (const name of ["one", "two", "three"]) {
      await a[0]?.ok("PUT", `/v1/key/create/${name}`);
      expect(await statuses(b, name)).to.equal("200,200,200,200");
      await a[1]?.ok("DELETE", `/v1/key/delete/${name}`);
      await until(`the end of ${name}`, async () => (await statuses(b, name)) === "404,404,404,404");
      // And the other way.
      await b[2]?.ok("PUT", `/v1/key/create/${name}`);
      expect(await statuses(a, name)).to.equal("200,200,200,200");
      await b[3]?.ok("DELETE", `/v1/key/delete/${name}`);
      await until(`the end of ${name}`, async () => (await statuses(a, name)) === "404,404,404,404");
    }
  });

  it("nobody but those nodes may tell", async () => {
    const stranger = new ApiClient("h2", ports[0] ?? 0, siteOf(0).client);
    clients.push(stranger);
    const { status } = await stranger.send({ method: "PUT", path: "/v1/key/changed/one" });
    expect(status).to.equal(403);
  });

  it("a node that is down holds up nothing, is named in the log, and is told again once it is up", async () => {
    const [a] = [clientsOf(0)];
    await a[0]?.ok("PUT", "/v1/key/create/alone");
    await nodes[1]?.stop();
    const startedMs = performance.now();
    await a[0]?.ok("DELETE", "/v1/key/delete/alone");
    await a[0]?.ok("PUT", "/v1/key/create/alone");
    expect(performance.now() - startedMs).to.be.below(4_000);
    await until("the warning", async () =>
      /level=WARN msg="the node https:\/\/127\.0\.0\.1:\d+ cannot be told of changed keys: /.test(
        nodes[0]?.stderr ?? "",
      ),
    );
    nodes[1] = await start(1);
    const b = clientsOf(1);
    expect(await statuses(b, "alone")).to.equal("200,200,200,200");
    await until(
      "a delete that is told",
      async () => {
        await a[0]?.ok("DELETE", "/v1/key/delete/alone");
        const isGone = (await statuses(b, "alone")) === "404,404,404,404";
        await a[0]?.ok("PUT", "/v1/key/create/alone");
        expect(await statuses(b, "alone")).to.equal("200,200,200,200");
        return isGone;
      },
      30_000,
    );
  });
});
