import { expect } from "chai";
import { ApiClient } from "../support/api-client.js";
import { until } from "../support/child-process.js";
import { type CliServer, type CliSite, makeCliSite, startCliServer } from "../support/cli-site.js";
import { type Sample, samplesOf } from "../support/exposition.js";
import { workerPids } from "../support/worker-pids.js";

const CONNECTIONS = 8;
const REQUESTS = 5;

describe("GET /v1/metrics/full of a server of two workers", function () {
  this.timeout(60_000);
  let site: CliSite;
  let server: CliServer;

  before(async () => {
    site = await makeCliSite();
    await site.configure({ server: "server:\n  workers: 2\n" });
    server = await startCliServer(site);
  });
  after(async () => {
    await server?.process.stop();
    await site.remove();
  });

  async function ask(method: string, path: string, times = 1): Promise<void> {
    const client = new ApiClient("h2", server.port, site.admin);
    for (let i = 0; i < times; i++) await client.ok(method, path);
    client.close();
  }
  async function page(): Promise<readonly Sample[]> {
    const client = new ApiClient("h1", server.port, site.admin);
    const { status, body } = await client.send({ method: "GET", path: "/v1/metrics/full" });
    expect(status, body).to.equal(200);
    return samplesOf(body);
  }
  const values = (samples: readonly Sample[], name: string): readonly number[] =>
    samples.filter((one) => one.name === name).map(({ value }) => value);
  const generated = (samples: readonly Sample[]): number | undefined =>
    samples.find(
      ({ name, labels }) => name === "kes_key_requests_total" && labels.route === "/v1/key/generate/",
    )?.value;

  it("is that of all, and forgets nothing that one has counted that ends", async () => {
    await ask("PUT", "/v1/key/create/shared");
    await Promise.all(
      Array.from({ length: CONNECTIONS }, () => ask("PUT", "/v1/key/generate/shared", REQUESTS)),
    );
    const before = await page();
    expect(generated(before)).to.equal(CONNECTIONS * REQUESTS);
    expect(values(before, "kes_workers")).to.deep.equal([2]);
    expect(values(before, "kes_worker_deaths_total")).to.deep.equal([0]);
    expect(values(before, "kes_keystore_up")).to.deep.equal([1]);
    // Two workers, and the process that looks after them.
    expect(values(before, "kes_process_resident_bytes")).to.have.length(3);

    const [pid] = await workerPids(server.process.pid);
    if (pid === undefined) throw new Error("there is no worker");
    process.kill(pid, "SIGKILL");
    await until("another worker", async () => {
      const now = await page();
      return values(now, "kes_worker_deaths_total")[0] === 1 && values(now, "kes_workers")[0] === 2;
    });
    const after = await page();
    // What it counted since it was last asked is gone with it; that was nothing.
    expect(generated(after)).to.equal(CONNECTIONS * REQUESTS);
    expect(after.filter(({ labels }) => labels.worker === String(pid))).to.deep.equal([]);
  });
});
