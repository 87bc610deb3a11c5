import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TLSSocket } from "node:tls";
import { connect } from "node:tls";
import { expect } from "chai";
import { ApiClient } from "../support/api-client.js";
import { selfSigned } from "../support/certificates.js";
import { until } from "../support/child-process.js";
import { type CliServer, type CliSite, makeCliSite, startCliServer } from "../support/cli-site.js";
import { LogFollower } from "../support/log-follower.js";
import { workerPids } from "../support/worker-pids.js";

/** Each worker numbers its requests after a prefix of its own. */
const workerOf = (headers: Readonly<Record<string, string>>): string =>
  (headers["x-request-id"] ?? "").slice(0, 8);

describe("e2e: a server of two workers", function () {
  this.timeout(60_000);
  let site: CliSite;
  let server: CliServer;
  const clients: ApiClient[] = [];
  const followers: LogFollower[] = [];

  const configure = (more: Parameters<CliSite["configure"]>[0] = {}): Promise<void> =>
    site.configure({ server: "server:\n  workers: 2\n", ...more });

  before(async () => {
    site = await makeCliSite();
    await configure();
    server = await startCliServer(site);
  });
  after(async () => {
    await server.process.stop();
    await site.remove();
  });
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
    for (const follower of followers.splice(0)) follower.close();
  });

  function clientOf(as = site.admin): ApiClient {
    const client = new ApiClient("h2", server.port, as);
    clients.push(client);
    return client;
  }
  const served = async (client: ApiClient): Promise<string> =>
    workerOf((await client.send({ method: "GET", path: "/version" })).headers);

  /** Two clients whose connections are with different workers. */
  async function onBoth(): Promise<[ApiClient, ApiClient]> {
    const first = clientOf();
    const own = await served(first);
    // The other one gets them all while it is behind, as after its start.
    for (let i = 0; i < 200; i++) {
      const second = clientOf();
      if ((await served(second)) !== own) return [first, second];
    }
    throw new Error("all connections are with one worker");
  }

  for (const count of [8, 16, 64]) {
    it(`gives ${count} connections that come at once to both in equal parts`, async () => {
      const workers = await Promise.all(Array.from({ length: count }, () => served(clientOf())));
      const shares = [...new Set(workers)].map((one) => workers.filter((other) => other === one).length);
      expect(shares).to.have.length(2);
      // Those of the tests before may just be on their way out.
      expect(Math.abs((shares[0] ?? 0) - (shares[1] ?? 0))).to.be.at.most(2);
    });
  }

  it("what one has created or deleted is so for the other before the answer", async () => {
    const [a, b] = await onBoth();
    for (let i = 0; i < 30; i++) {
      const name = `key-${i % 3}`;
      expect((await b.send({ method: "PUT", path: `/v1/key/generate/${name}` })).status).to.equal(404);
      await a.ok("PUT", `/v1/key/create/${name}`);
      await b.ok("PUT", `/v1/key/generate/${name}`);
      await a.ok("PUT", `/v1/key/generate/${name}`);
      await a.ok("DELETE", `/v1/key/delete/${name}`);
      expect((await b.send({ method: "PUT", path: `/v1/key/generate/${name}` })).status).to.equal(404);
    }
  });

  it("a key that is deleted and made anew is never used by its old bytes", async () => {
    const [a, b] = await onBoth();
    for (let i = 0; i < 10; i++) {
      await a.ok("PUT", "/v1/key/create/renewed");
      const dek = (await b.ok("PUT", "/v1/key/generate/renewed")) as { ciphertext: string };
      // Uses on their way while it changes.
      const racing = Array.from({ length: 10 }, () =>
        b.send({ method: "PUT", path: "/v1/key/generate/renewed" }),
      );
      await a.ok("DELETE", "/v1/key/delete/renewed");
      await a.ok("PUT", "/v1/key/create/renewed");
      await Promise.all(racing);
      for (const client of [a, b]) {
        const body = JSON.stringify({ ciphertext: dek.ciphertext });
        const old = await client.send({ method: "PUT", path: "/v1/key/decrypt/renewed", body });
        expect(old.status).to.equal(400);
      }
      await a.ok("DELETE", "/v1/key/delete/renewed");
    }
  });

  for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
    it(`resumes a session with whatever worker, over ${version}, and keeps the identity`, async () => {
      const client = site.admin;
      const open = (session?: Buffer): Promise<{ socket: TLSSocket; tickets: Buffer[] }> =>
        new Promise((resolve, reject) => {
          const tickets: Buffer[] = [];
          const socket = connect({
            port: server.port,
            host: "127.0.0.1",
            cert: client.certPem,
            key: client.keyPem,
            rejectUnauthorized: false,
            ALPNProtocols: ["http/1.1"],
            maxVersion: version,
            ...(session === undefined ? {} : { session }),
          });
          socket.on("session", (ticket) => tickets.push(ticket));
          socket.once("secureConnect", () => resolve({ socket, tickets }));
          socket.once("error", reject);
        });
      const describeSelf = ({
        socket,
      }: {
        socket: TLSSocket;
      }): Promise<{ worker: string; identity: string }> =>
        new Promise((resolve) => {
          let text = "";
          socket.on("data", (data: Buffer) => {
            text += data.toString();
            const [, id = ""] = /x-request-id: (\S{8})/i.exec(text) ?? [];
            const [, identity] = /"identity":"([0-9a-f]{64})"/.exec(text) ?? [];
            if (identity !== undefined) resolve({ worker: id, identity });
          });
          socket.write("GET /v1/identity/self/describe HTTP/1.1\r\nhost: a\r\n\r\n");
        });
      const first = await open();
      const { worker } = await describeSelf(first);
      await until("a ticket", async () => first.tickets.length > 0);
      const ticket = first.tickets[0];
      let others = 0;
      const held: TLSSocket[] = [first.socket];
      for (let i = 0; i < 6; i++) {
        const again = await open(ticket);
        held.push(again.socket);
        expect(again.socket.isSessionReused()).to.equal(true);
        const who = await describeSelf(again);
        expect(who.identity).to.equal(client.identity);
        if (who.worker !== worker) others += 1;
      }
      for (const socket of held) socket.destroy();
      expect(others).to.be.greaterThan(0);
    });
  }

  it("counts and shows as one", async () => {
    const [a, b] = await onBoth();
    const successes = async (client: ApiClient): Promise<number> => {
      const { body } = await client.send({ method: "GET", path: "/v1/metrics" });
      return Number(/^kes_http_request_success\{code="200"\} (\d+)$/m.exec(body)?.[1] ?? 0);
    };
    const before = await successes(a);
    expect(await successes(b)).to.equal(before);
    await a.ok("PUT", "/v1/key/create/counted");
    for (let i = 0; i < 5; i++) await a.ok("PUT", "/v1/key/generate/counted");
    for (let i = 0; i < 7; i++) await b.ok("PUT", "/v1/key/generate/counted");
    expect([await successes(a), await successes(b)]).to.deep.equal([before + 13, before + 13]);
    const status = (await b.ok("GET", "/v1/status")) as { mem_heap_used: number };
    // Of three processes, where one takes more than 10 MB.
    expect(status.mem_heap_used).to.be.greaterThan(30e6);
  });

  it("shows every worker's events to who follows a log, in one order", async () => {
    const [a, b] = await onBoth();
    const open = async (): Promise<LogFollower> => {
      const follower = await LogFollower.open("h2", server.port, site.admin, "/v1/log/audit");
      followers.push(follower);
      return follower;
    };
    const both = [await open(), await open(), await open()];
    for (let i = 0; i < 20; i++) {
      await Promise.all([
        a.send({ method: "GET", path: `/v1/key/describe/from-a-${i}` }),
        b.send({ method: "GET", path: `/v1/key/describe/from-b-${i}` }),
      ]);
    }
    const seen: string[][] = [];
    for (const follower of both) {
      await follower.line((line) => line.includes("from-a-19"));
      await follower.line((line) => line.includes("from-b-19"));
      seen.push(follower.lines.filter((line) => line.includes("/from-")));
    }
    expect(seen[0]).to.have.length(40);
    expect(seen[1]).to.deep.equal(seen[0]);
    expect(seen[2]).to.deep.equal(seen[0]);
    const { headers } = await a.send({ method: "GET", path: "/v1/key/describe/nothing" });
    await both[1]?.line((line) => line.includes(headers["x-request-id"] ?? "?"));
  });

  it("replaces a worker that is killed, says so, and counts on", async () => {
    const [a] = await onBoth();
    await a.ok("GET", "/v1/status");
    const pids = await workerPids(server.process.pid);
    expect(pids).to.have.length(2);
    const text = async (): Promise<string> =>
      (await clientOf().send({ method: "GET", path: "/v1/metrics" })).body;
    const events = (page: string): number => Number(/^kes_log_audit_events (\d+)$/m.exec(page)?.[1]);
    const before = events(await text());
    process.kill(pids[0] ?? 0, "SIGKILL");
    await until("the end to be told", async () => server.process.stderr.includes("ended by SIGKILL"));
    expect(server.process.stderr).to.match(
      new RegExp(
        `level=ERROR msg="worker process ${pids[0]} ended by SIGKILL after [0-9.]+ s: it is replaced"`,
      ),
    );
    // Served by the other one meanwhile.
    expect((await clientOf().send({ method: "GET", path: "/v1/ready" })).status).to.equal(200);
    await until("a new worker", async () => (await workerPids(server.process.pid)).length === 2);
    expect(events(await text())).to.be.at.least(before);
    const full = (await clientOf().send({ method: "GET", path: "/v1/metrics/full" })).body;
    expect(full).to.match(/^kes_worker_deaths_total 1$/m);
    await until("both to serve", async () => {
      const found = new Set(await Promise.all(Array.from({ length: 6 }, () => served(clientOf()))));
      return found.size === 2;
    });
  });

  it("does not let a worker that hangs hold up or outlive a delete", async () => {
    const [a, b] = await onBoth();
    await a.ok("PUT", "/v1/key/create/held");
    await b.ok("PUT", "/v1/key/generate/held");
    await a.ok("PUT", "/v1/key/generate/held");
    const pids = await workerPids(server.process.pid);
    // Only the one of them that does not serve `a` may be stopped.
    process.kill(pids[1] ?? 0, "SIGSTOP");
    const alive = await Promise.race([
      a.ok("GET", "/version").then(() => a),
      b.ok("GET", "/version").then(() => b),
    ]);
    const startedMs = performance.now();
    await alive.ok("DELETE", "/v1/key/delete/held");
    expect(performance.now() - startedMs).to.be.below(15_000);
    // The one that could not be told is gone, and with it what it had in memory.
    expect(await workerPids(server.process.pid)).to.not.include(pids[1]);
    expect(server.process.stderr).to.include(`worker process ${pids[1]} does not answer: it is killed`);
    await until("a new worker", async () => (await workerPids(server.process.pid)).length === 2);
  });

  describe("reloads", () => {
    const done = (): number => server.process.stdout.split("=> Reloading configuration after SIGHUP").length;
    const failed = (): number => server.process.stderr.split("Failed to reload server config").length;
    const allow = (name: string): string =>
      `policy:\n  app:\n    allow:\n    - /v1/key/describe/${name}\n    identities:\n    - ${site.client.identity}\n`;
    const statuses = async (pair: readonly ApiClient[], name: string): Promise<number[]> =>
      Promise.all(
        pair.map(async (one) => (await one.send({ method: "GET", path: `/v1/key/describe/${name}` })).status),
      );
    const asClient = async (): Promise<ApiClient[]> => {
      const pair = [clientOf(site.client), clientOf(site.client)];
      await Promise.all(pair.map(served));
      return pair;
    };

    it("in all workers or in none", async () => {
      const pair = await asClient();
      expect(await statuses(pair, "one")).to.deep.equal([403, 403]);
      const [before, broken] = [done(), failed()];
      await configure({ policy: allow("one") });
      server.process.signal("SIGHUP");
      await until("the reload", async () => done() > before);
      expect(await statuses(pair, "one")).to.deep.equal([404, 404]);
      await writeFile(site.configFile, "this: is nothing\n");
      server.process.signal("SIGHUP");
      await until("the failure", async () => failed() > broken);
      expect(await statuses(pair, "one")).to.deep.equal([404, 404]);
      // A worker that is replaced now begins with what is in force, not with what the file says.
      const [pid = 0] = await workerPids(server.process.pid);
      process.kill(pid, "SIGKILL");
      await until("a new worker", async () => {
        const now = await workerPids(server.process.pid);
        return now.length === 2 && !now.includes(pid);
      });
      await until("both to serve", async () => {
        const found = await Promise.all(
          Array.from({ length: 6 }, async () => {
            const one = clientOf(site.client);
            const { status, headers } = await one.send({ method: "GET", path: "/v1/key/describe/one" });
            expect(status).to.equal(404);
            return workerOf(headers);
          }),
        );
        return new Set(found).size === 2;
      });
      await configure();
    });

    it("when it is asked by the API, and says so when it could not", async () => {
      const pair = await asClient();
      const admin = clientOf();
      expect((await pair[0]?.send({ method: "PUT", path: "/v1/server/reload" }))?.status).to.equal(403);
      await configure({ policy: allow("two") });
      await admin.ok("PUT", "/v1/server/reload");
      expect(await statuses(pair, "two")).to.deep.equal([404, 404]);
      await writeFile(site.configFile, "this: is nothing\n");
      const answer = await admin.send({ method: "PUT", path: "/v1/server/reload" });
      expect([answer.status, JSON.parse(answer.body).message]).to.deep.equal([
        500,
        "failed to reload the configuration: the old one stays in force, the server's log says why",
      ]);
      await until("the reason", async () =>
        /level=ERROR msg="failed to reload.*unknown key 'this'/.test(server.process.stderr),
      );
      expect(await statuses(pair, "two")).to.deep.equal([404, 404]);
      await configure();
    });

    it("certificates as soon as they change, and says what needs a restart", async () => {
      const old = await readFile(join(site.folder, "server.crt"), "utf8");
      const oldKey = await readFile(join(site.folder, "server.key"), "utf8");
      const next = selfSigned({ algorithm: "p256" });
      await writeFile(join(site.folder, "server.crt"), next.certPem);
      await writeFile(join(site.folder, "server.key"), next.keyPem);
      const all = async (): Promise<Set<string>> =>
        new Set(await Promise.all(Array.from({ length: 4 }, () => certificateAt(server.port))));
      const wanted = next.certPem.replace(/\s/g, "");
      await until("the new certificate", async () => {
        const shown = await all();
        return shown.size === 1 && shown.has(wanted);
      });
      await until("the note", async () =>
        server.process.stderr.includes("certificate files have changed: applied"),
      );
      // A key that does not fit changes nothing.
      await writeFile(join(site.folder, "server.key"), oldKey);
      await until("the failure", async () =>
        /changed, but everything stays as it was: .*does not belong/.test(server.process.stderr),
      );
      expect(await all()).to.deep.equal(new Set([wanted]));
      await writeFile(join(site.folder, "server.crt"), old);
      await until("the old certificate", async () => !(await all()).has(wanted));

      await site.configure({ server: "server:\n  workers: 3\n" });
      await clientOf().ok("PUT", "/v1/server/reload");
      await until("the warning", async () =>
        server.process.stderr.includes("'server.workers' has changed: that takes effect when the server is"),
      );
      await configure();
    });

    it("all files as soon as they change, where that is asked for", async () => {
      const pair = await asClient();
      const watching = { server: "server:\n  workers: 2\n  watch: all\n" };
      await configure({ ...watching, policy: allow("three") });
      await clientOf().ok("PUT", "/v1/server/reload");
      const answers = async (name: string): Promise<string> => (await statuses(pair, name)).join();
      expect(await answers("three")).to.equal("404,404");
      // At once: also before the watch has had a look at the files that the reload has named.
      await configure({ ...watching, policy: allow("four") });
      await until("the change", async () => (await answers("four")) === "404,404", 30_000);
      await configure();
      await clientOf().ok("PUT", "/v1/server/reload");
    });

    it("certificate and policies under load, without a request that fails", async () => {
      const pair = await onBoth();
      await pair[0].ok("PUT", "/v1/key/create/loaded");
      const codes = new Set<number>();
      let isOver = false;
      let answers = 0;
      const load = pair.map(async (client) => {
        while (!isOver) {
          codes.add((await client.send({ method: "PUT", path: "/v1/key/generate/loaded" })).status);
          answers += 1;
        }
      });
      const old = await readFile(join(site.folder, "server.crt"), "utf8");
      const oldKey = await readFile(join(site.folder, "server.key"), "utf8");
      for (let i = 0; i < 4; i++) {
        const next = selfSigned({ algorithm: "p256" });
        await writeFile(join(site.folder, "server.key"), next.keyPem);
        await writeFile(join(site.folder, "server.crt"), next.certPem);
        const before = done();
        server.process.signal("SIGHUP");
        await until("the reload", async () => done() > before);
        const shown = await Promise.all(Array.from({ length: 4 }, () => certificateAt(server.port)));
        expect(new Set(shown)).to.deep.equal(new Set([next.certPem.replace(/\s/g, "")]));
      }
      isOver = true;
      await Promise.all(load);
      await writeFile(join(site.folder, "server.key"), oldKey);
      await writeFile(join(site.folder, "server.crt"), old);
      expect([...codes]).to.deep.equal([200]);
      expect(answers).to.be.greaterThan(20);
    });
  });
});

/** The certificate that a new connection is shown, as PEM without blanks. */
function certificateAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
    socket.once("secureConnect", () => {
      resolve((socket.getPeerX509Certificate()?.toString() ?? "").replace(/\s/g, ""));
      socket.destroy();
    });
    socket.on("error", reject);
  });
}

describe("e2e: the end of workers", function () {
  this.timeout(60_000);
  let site: CliSite;

  before(async () => {
    site = await makeCliSite();
    await site.configure({ server: "server:\n  workers: 2\n  grace: 1s\n" });
  });
  after(() => site.remove());

  it("comes with that of the primary, however it ends", async () => {
    const server = await startCliServer(site);
    const pids = await workerPids(server.process.pid);
    expect(pids).to.have.length(2);
    server.process.signal("SIGKILL");
    await server.process.ended;
    await until("the workers to end", async () => pids.every((pid) => !isAlive(pid)));
  });

  it("again and again makes the server unready, until one stays", async () => {
    const server = await startCliServer(site);
    const client = new ApiClient("h1", server.port, site.admin);
    const ready = async (): Promise<number> =>
      (await client.send({ method: "GET", path: "/v1/ready" }).catch(() => ({ status: 0 }))).status;
    try {
      const seen = new Set<number>();
      await until(
        "the server to be unready",
        async () => {
          const pids = await workerPids(server.process.pid);
          const fresh = pids.filter((pid) => !seen.has(pid));
          if (seen.size < 6) {
            for (const pid of fresh) {
              seen.add(pid);
              process.kill(pid, "SIGKILL");
            }
          }
          return (await ready()) === 503;
        },
        30_000,
      );
      expect(server.process.stderr).to.match(/ended by SIGKILL .*: it is replaced in \d/);
      await until("the server to be ready again", async () => (await ready()) === 200, 20_000);
    } finally {
      expect(await server.process.stop()).to.equal(0);
    }
  });

  it("is awaited when the server ends: what is under way is answered", async () => {
    const server = await startCliServer(site);
    const pids = await workerPids(server.process.pid);
    const client = new ApiClient("h2", server.port, site.admin);
    await client.ok("PUT", "/v1/key/create/last");
    const many = Array.from({ length: 50 }, () =>
      client.send({ method: "PUT", path: "/v1/key/generate/last" }),
    );
    await many[0];
    expect(await server.process.stop()).to.equal(0);
    const answers = await Promise.all(many);
    expect(answers.filter(({ status }) => status === 200).length).to.equal(50);
    client.close();
    expect(pids.filter(isAlive)).to.deep.equal([]);
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
