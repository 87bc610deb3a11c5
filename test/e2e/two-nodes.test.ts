import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { adapter } from "../../keystores/fs/index.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { ApiClient } from "../support/api-client.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const REVALIDATE_MS = 400;
const openAdapter = (options: { path: string }): Promise<Keystore> =>
  adapter.open(options, { warn: () => undefined });

describe("two nodes on one keystore", () => {
  let folder: string;
  const nodes: TestServer[] = [];
  const clients: ApiClient[] = [];

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-nodes-"));
    for (let i = 0; i < 2; i++) {
      const node = await startTestServer({
        openKeystore: () => openAdapter({ path: folder }),
        cache: { revalidateMs: REVALIDATE_MS },
      });
      nodes.push(node);
      clients.push(new ApiClient("h2", node.port, node.admin));
    }
  });
  after(async () => {
    for (const client of clients) client.close();
    for (const node of nodes) await node.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("a delete on one ends on the other within cache.revalidate, and no request waits for that", async () => {
    const [a, b] = clients;
    if (a === undefined || b === undefined) throw new Error("two nodes were started");
    await a.ok("PUT", "/v1/key/create/shared");
    await b.ok("PUT", "/v1/key/generate/shared");
    // Long enough in use to have been checked several times.
    const untilMs = performance.now() + 3 * REVALIDATE_MS;
    while (performance.now() < untilMs) await b.ok("PUT", "/v1/key/generate/shared");
    expect(nodes[1]?.server.state.services.keys.stats().misses).to.equal(1);

    await a.ok("DELETE", "/v1/key/delete/shared");
    const deletedMs = performance.now();
    let status = 200;
    while (status === 200) {
      const startedMs = performance.now();
      status = (await b.send({ method: "PUT", path: "/v1/key/generate/shared" })).status;
      if (status === 200) {
        // The bound, and the time for the check itself on a busy machine.
        expect(startedMs - deletedMs).to.be.below(REVALIDATE_MS + 5_000);
      }
    }
    expect(status).to.equal(404);
  });

  it("of two racing creates has one winner, and both use its key", async () => {
    for (let i = 0; i < 20; i++) {
      const name = `raced-${i}`;
      const statuses = await Promise.all(
        clients.map(
          async (client) => (await client.send({ method: "PUT", path: `/v1/key/create/${name}` })).status,
        ),
      );
      expect(statuses.sort()).to.deep.equal([200, 400]);
      const deks = await Promise.all(clients.map((client) => client.ok("PUT", `/v1/key/generate/${name}`)));
      for (const [j, dek] of deks.entries()) {
        const { plaintext, ciphertext } = dek as { plaintext: string; ciphertext: string };
        const opened = await clients[1 - j]?.ok("PUT", `/v1/key/decrypt/${name}`, { ciphertext });
        expect(opened).to.deep.equal({ plaintext });
      }
    }
  });
});
