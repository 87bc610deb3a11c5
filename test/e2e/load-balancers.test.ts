import { once } from "node:events";
import type { ConnectionOptions } from "node:tls";
import { expect } from "chai";
import { KesClient } from "../../src/client/index.js";
import { selfSigned, type TestCertificate } from "../support/certificates.js";
import { until } from "../support/child-process.js";
import { type LoadBalancedSite, startLoadBalancedSite } from "../support/load-balanced-site.js";
import { connectTls, type RawAnswer, readAnswer } from "../support/raw-http1.js";
import { requireService } from "../support/services/index.js";

const HOUR_MS = 3_600_000;
const WHO = "GET /v1/identity/self/describe HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

for (const kind of ["haproxy", "nginx"] as const) {
  for (const mode of ["passthrough", "terminating"] as const) {
    describe(`deploy/${kind}/${mode}`, function () {
      this.timeout(40_000);
      let site: LoadBalancedSite;
      let client: KesClient;
      before(async function () {
        const program = requireService(this, kind);
        site = await startLoadBalancedSite({ program, kind, mode, nodes: 2 });
        client = clientOf(site);
      });
      after(async () => {
        await client?.close();
        await site?.close();
      });

      it("serves a client over HTTP/2, as itself", async () => {
        expect((await client.describeSelf()).identity).to.equal(site.client.identity);
        await client.createKey("my-key");
        const dek = await client.generateKey("my-key");
        expect(Buffer.from(await client.decrypt("my-key", dek.ciphertext)).equals(dek.plaintext)).to.equal(
          true,
        );
      });

      it("keeps the way in which a body is framed, empty ones included", async () => {
        await client.createKey("framed");
        const path = "/v1/key/generate/framed HTTP/1.1\r\nHost: x\r\nConnection: close\r\n";
        const statusOf = async (rest: string): Promise<number> =>
          (await ask(site, site.client, {}, `PUT ${path}${rest}`)).status;
        expect(await statusOf("Content-Length: 0\r\n\r\n")).to.equal(200);
        expect(await statusOf("\r\n")).to.equal(200);
        expect(await statusOf("Content-Length: 2\r\n\r\n{}")).to.equal(200);
        expect(await statusOf("Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n")).to.equal(200);
        expect(await statusOf("Content-Length: 1\r\n\r\n{")).to.equal(400);
      });

      it("tells the servers the client's address", async () => {
        const answer = await ask(site, site.client, { localAddress: "127.0.0.77" });
        expect(answer.status).to.equal(200);
        await until("the record", async () => logs(site).includes("req.ip=127.0.0.77"));
      });

      it("refuses a client without certificate", async () => {
        const outcome = await ask(site, undefined).then(
          ({ status }) => status,
          () => "closed",
        );
        expect(outcome).to.be.oneOf([0, 400, "closed"]);
      });

      it(`${kind === "nginx" && mode === "terminating" ? "refuses" : "takes"} an expired certificate`, async () => {
        const past = {
          notBefore: new Date(Date.now() - 9 * HOUR_MS),
          notAfter: new Date(Date.now() - HOUR_MS),
        };
        const { status } = await ask(site, selfSigned({ ...past, key: site.client.key }));
        expect(status).to.equal(kind === "nginx" && mode === "terminating" ? 400 : 200);
      });

      it("keeps the identity over a resumed session", async () => {
        const first = await connectTls(site.balancer.port, site.client, { maxVersion: "TLSv1.2" });
        const session = first.getSession();
        first.destroy();
        const socket = await connectTls(site.balancer.port, site.client, { maxVersion: "TLSv1.2", session });
        // Each node has ticket keys of its own here, so with TLS passed through a session may meet another node.
        if (mode === "terminating") expect(socket.isSessionReused()).to.equal(true);
        socket.write(WHO);
        expect((await readAnswer(socket)).body.toString()).to.include(site.client.identity);
        socket.destroy();
      });

      it("passes lines of a log on as they are written", async () => {
        const stop = new AbortController();
        const seen: string[] = [];
        const follow = (async () => {
          for await (const { request } of client.auditLog({ signal: stop.signal })) seen.push(request.path);
        })().catch((error: unknown) => {
          if (!stop.signal.aborted) throw error;
        });
        const line = until("a line", async () => {
          // Several at a time: the node that is followed is the busier one, and is asked second.
          await Promise.all(Array.from({ length: 6 }, () => ask(site, site.client)));
          return seen.includes("/v1/identity/self/describe");
        });
        await Promise.race([line, follow]);
        stop.abort();
        await follow;
      });

      if (kind === "haproxy") {
        it("takes a node out that has lost its keystore, and none when all have", async () => {
          const [one, two] = site.nodes;
          if (one === undefined || two === undefined) return expect.fail("two nodes");
          one.keystore.isOut = true;
          try {
            await until("the node to be out", async () => !(await isAsked(site, 0)), 20_000);
            two.keystore.isOut = true;
            await until(
              "both to be back",
              async () => (await isAsked(site, 0)) && (await isAsked(site, 1)),
              20_000,
            );
          } finally {
            one.keystore.isOut = false;
            two.keystore.isOut = false;
          }
          expect((await ask(site, site.client)).status).to.equal(200);
        });
      }

      it("goes on with one node when the other ends", async () => {
        await site.nodes[0]?.server.close();
        // A connection that was open to it may be lost; new ones are not.
        for (let index = 0; index < 10; index++)
          expect((await ask(site, site.client)).status).to.be.oneOf(index === 0 ? [200, 502, 0] : [200]);
        expect((await client.describeSelf()).identity).to.equal(site.client.identity);
      });
    });
  }
}

function clientOf({ balancer, ca, client }: LoadBalancedSite): KesClient {
  return new KesClient({
    endpoints: `localhost:${balancer.port}`,
    certificate: client.certPem,
    key: client.keyPem,
    ca,
  });
}

/** One request on a connection of its own, over HTTP/1.1. */
async function ask(
  site: LoadBalancedSite,
  who: TestCertificate | undefined,
  options: ConnectionOptions & { readonly localAddress?: string } = {},
  request = WHO,
): Promise<RawAnswer> {
  const socket = await connectTls(site.balancer.port, who, { ALPNProtocols: ["http/1.1"], ...options });
  try {
    socket.write(request);
    return await readAnswer(socket);
  } finally {
    socket.destroy();
    if (!socket.closed) await once(socket, "close");
  }
}

const logs = ({ nodes }: LoadBalancedSite): string => nodes.map(({ server }) => server.stdout()).join("");

/** True when one of ten requests reaches the node. */
async function isAsked(site: LoadBalancedSite, node: number): Promise<boolean> {
  const count = (): number => (site.nodes[node]?.server.stdout() ?? "").length;
  const before = count();
  for (let index = 0; index < 10; index++) await ask(site, site.client);
  return count() > before;
}
