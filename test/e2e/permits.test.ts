import { once } from "node:events";
import { Agent, request } from "node:https";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import type { Config } from "../../src/config/config.js";
import { type PolicyName, policyName } from "../../src/names.js";
import { ApiClient } from "../support/api-client.js";
import { selfSigned } from "../support/certificates.js";
import { policyOf } from "../support/rules.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const app = selfSigned({ cn: "app" });
const PATH = "/v1/key/generate/my-key";

function nameOf(text: string): PolicyName {
  const name = policyName(text);
  if (name === undefined) throw new Error("no policy name");
  return name;
}

/** One keystore for all states of a server. */
class Lasting extends MemoryKeystore {
  override async close(): Promise<void> {}
}

/** Ways to ask again and again over one connection. */
interface Client {
  readonly status: () => Promise<number>;
  readonly close: () => void;
}

function overH2(server: TestServer): Client {
  const client = new ApiClient("h2", server.port, app);
  return {
    status: async () => (await client.send({ method: "PUT", path: PATH, body: "{}" })).status,
    close: () => client.close(),
  };
}

function overH1(server: TestServer): Client {
  const agent = new Agent({
    ...{ keepAlive: true, maxSockets: 1, cert: app.certPem, key: app.keyPem, rejectUnauthorized: false },
  });
  let port = 0;
  return {
    async status() {
      const asked = request(`${server.url}${PATH}`, { method: "PUT", agent });
      asked.end("{}");
      const [answer] = await once(asked, "response");
      const { localPort } = answer.socket;
      answer.resume();
      await once(answer, "end");
      // Another connection would have been asked anew in any case.
      if (port !== 0) expect(localPort).to.equal(port);
      // A refusal that comes before the body has been read ends the connection.
      port = answer.statusCode === 200 ? localPort : 0;
      return answer.statusCode;
    },
    close: () => agent.destroy(),
  };
}

for (const [protocol, connect] of [
  ["h1", overH1],
  ["h2", overH2],
] as const) {
  describe(`rights of an open connection over ${protocol}`, () => {
    const keystore = new Lasting();
    let server: TestServer;
    let client: Client;

    const policy = (allow: readonly string[], deny: readonly string[], holders = [app.identity]) => ({
      policies: [{ name: nameOf("my-app"), policy: policyOf(allow, deny), identities: holders }],
    });
    const ALLOWED = policy([PATH], []);

    /** As with a new configuration. */
    const use = (change: Partial<Config>): Promise<void> =>
      server.server.reload(async () => ({ ...server.config, ...change }));

    before(async () => {
      server = await startTestServer({ openKeystore: async () => keystore });
      const admin = new ApiClient("h2", server.port, server.admin);
      await admin.ok("PUT", "/v1/key/create/my-key");
      admin.close();
      client = connect(server);
    });
    after(async () => {
      client.close();
      await server.close();
    });

    beforeEach(async () => {
      await use(ALLOWED);
      // The second and the third are answered from what is kept.
      expect([await client.status(), await client.status(), await client.status()]).to.deep.equal([
        200, 200, 200,
      ]);
    });

    const taken: readonly (readonly [how: string, change: Partial<Config>])[] = [
      ["its allow rule is gone", policy(["/v1/key/decrypt/*"], [])],
      ["a deny rule is new", policy([PATH], ["/v1/key/generate/my*"])],
      ["its policy has other holders", policy([PATH], [], [])],
      ["no policy is left", { policies: [] }],
    ];
    for (const [how, change] of taken) {
      it(`end with the next request when ${how}`, async () => {
        await use(change);
        expect([await client.status(), await client.status()]).to.deep.equal([403, 403]);
        await use(ALLOWED);
        expect(await client.status()).to.equal(200);
      });
    }

    it("end when the admin is another", async () => {
      await use({ policies: [], admin: { identity: app.identity, text: app.identity } });
      expect([await client.status(), await client.status()]).to.deep.equal([200, 200]);
      await use({ policies: [], admin: { text: "disabled" } });
      expect(await client.status()).to.equal(403);
    });

    it("end when it turns out to be a proxy, which may not speak for itself", async () => {
      const proxy = {
        identities: [app.identity],
        certificateHeader: "x-cert",
        format: "auto",
        only: false,
      } as const;
      await use({ ...ALLOWED, tls: { ...server.config.tls, proxy } });
      expect(await client.status()).to.equal(400);
    });

    it("stay as they were when a reload fails", async () => {
      const failure = await server.server
        .reload(() => Promise.reject(new Error("no such file")))
        .catch(String);
      expect(failure).to.include("no such file");
      expect(await client.status()).to.equal(200);
    });
  });
}
