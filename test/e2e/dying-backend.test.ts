import { once } from "node:events";
import { createServer } from "node:http";
import { createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { expect } from "chai";
import { KesClient } from "../../src/client/index.js";
import { selfSigned } from "../support/certificates.js";
import { CleanUp } from "../support/clean-up.js";
import { type LoadBalancer, startLoadBalancer } from "../support/load-balancer.js";
import { requireService } from "../support/services/index.js";

/** A key server that can do little, and dies over creates of keys named `dies-…` once it has stored them. */
class DyingServer {
  readonly server: Http2SecureServer;
  /** Paths of creates, in their order. */
  readonly creates: string[] = [];
  readonly #keys = new Map<string, string>();

  constructor(certificate: { certPem: string; keyPem: string }, createdBy: string) {
    const tls = { cert: certificate.certPem, key: certificate.keyPem, requestCert: true };
    this.server = createSecureServer({ ...tls, rejectUnauthorized: false, allowHTTP1: true });
    this.server.on("request", (request, response) => {
      const [, , , action, name = ""] = request.url.split("/");
      const answer = (status: number, body: object): void => {
        response.writeHead(status, { "content-type": "application/json" });
        response.end(JSON.stringify(body));
      };
      const created = this.#keys.get(name);
      if (action === "describe") {
        if (created === undefined) return answer(404, { message: "key does not exist" });
        return answer(200, { name, algorithm: "AES256", created_at: created, created_by: createdBy });
      }
      if (action !== "create") return answer(200, { version: "1" });
      this.creates.push(name);
      if (created !== undefined) return answer(400, { message: "key already exists" });
      this.#keys.set(name, new Date().toISOString());
      if (!name.startsWith("dies-")) return answer(200, {});
      const { stream } = request;
      if (stream === undefined) request.socket.destroy();
      else stream.session?.destroy();
    });
  }
}

for (const kind of ["haproxy", "nginx"] as const) {
  describe(`deploy/${kind}/terminating before a server that dies over a create`, function () {
    this.timeout(40_000);
    const cleanUp = new CleanUp();
    const me = selfSigned({ cn: "client" });
    const certificate = selfSigned({ algorithm: "p256" });
    let backend: DyingServer;
    let balancer: LoadBalancer;
    let client: KesClient;

    before(async function () {
      const program = requireService(this, kind);
      backend = new DyingServer(certificate, me.identity);
      const health = createServer((_, response) => response.end());
      for (const server of [backend.server, health]) {
        server.listen(0, "127.0.0.1");
        await once(server, "listening");
        cleanUp.add(async () => void server.close());
      }
      const portOf = (server: { address(): unknown }): number => (server.address() as AddressInfo).port;
      balancer = await startLoadBalancer({
        ...{ program, kind, mode: "terminating" },
        servers: [{ port: portOf(backend.server), healthPort: portOf(health) }],
        serverCa: certificate.certPem,
        identity: selfSigned({ cn: "proxy", algorithm: "p256" }),
      });
      cleanUp.add(() => balancer.stop());
      client = new KesClient({
        endpoints: `https://127.0.0.1:${balancer.port}`,
        ca: balancer.certificate,
        certificate: me.certPem,
        key: me.keyPem,
        environment: {},
      });
      cleanUp.add(() => client.close());
      // From now on its connections to the server are used again.
      await client.createKey("first");
    });
    after(() => cleanUp.run());

    it("the client finds its key, which nobody created twice", async () => {
      await client.createKey("dies-a");
      expect(backend.creates).to.deep.equal(["first", "dies-a"]);
      expect(await client.createKey("dies-a").catch(({ code }: { code: string }) => code)).to.equal(
        "KEY_EXISTS",
      );
    });
  });
}
