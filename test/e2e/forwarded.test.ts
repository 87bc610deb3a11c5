import { expect } from "chai";
import type { TlsConfig } from "../../src/config/config.js";
import { selfSigned, type TestCertificate } from "../support/certificates.js";
import { rawHttp1 } from "../support/raw-http1.js";
import { type Fields, rawHttp2 } from "../support/raw-http2.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const WHO = "/v1/identity/self/describe";
const HEADER = "x-tls-client-cert";
const CANARY = "canary-that-no-log-may-hold";
const escaped = ({ certPem }: TestCertificate): string => encodeURIComponent(certPem);

type Headers = readonly (readonly [name: string, value: string])[];
type Ask = (
  port: number,
  who: TestCertificate,
  path: string,
  headers: Headers,
) => Promise<{ status: number; body: Buffer }>;

const overH1: Ask = (port, who, path, headers) => {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return rawHttp1(port, who, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n${lines}\r\n`);
};

const overH2: Ask = (port, who, path, headers) => {
  const fields: Fields = [
    [":method", "GET"],
    [":scheme", "https"],
    [":authority", "127.0.0.1"],
    [":path", path],
    ...headers,
  ];
  return rawHttp2(port, who, fields);
};

for (const [version, ask] of [["h1", overH1] as const, ["h2", overH2] as const]) {
  describe(`forwarded certificates over ${version}`, function () {
    this.timeout(20_000);
    const proxy = selfSigned({ cn: "proxy" });
    const client = selfSigned({ cn: "client" });
    const other = selfSigned({ cn: "other" });
    let open: TestServer;
    let strict: TestServer;
    before(async () => {
      const start = (only: boolean): Promise<TestServer> =>
        startTestServer({
          policies: {
            clients: { allow: ["/v1/key/*"], identities: [client.identity] },
            others: { allow: ["/v1/status"], identities: [other.identity] },
          },
          api: new Map([["/v1/ready", { skipAuth: true }]]),
          config: { tls: tlsOf(proxy, only), log: { errorLevel: -4, auditLevel: 0, format: "text" } },
        });
      [open, strict] = await Promise.all([start(false), start(true)]);
    });
    after(() => Promise.all([open.close(), strict.close()]));

    /** Status, and the identity that the server took the caller for. */
    const seen = async (
      server: TestServer,
      who: TestCertificate,
      headers: Headers,
      path = WHO,
    ): Promise<string> => {
      const { status, body } = await ask(server.port, who, path, headers);
      const identity = /"identity":"([0-9a-f]{64})"/.exec(body.toString())?.[1];
      const names = { client, other, proxy, admin: server.admin };
      const name = Object.entries(names).find(([, one]) => one.identity === identity)?.[0];
      return name === undefined ? String(status) : `${status} ${name}`;
    };

    it("serves the client that a proxy names", async () => {
      for (const server of [open, strict])
        expect(await seen(server, proxy, [[HEADER, escaped(client)]])).to.equal("200 client");
    });

    it("serves nobody where the header comes twice, in one value or two", async () => {
      const values = [escaped(client), escaped(other)];
      const twice: Headers = values.map((value) => [HEADER, value]);
      expect(await seen(open, proxy, twice)).to.equal("400");
      expect(await seen(open, proxy, [[HEADER, values.join(", ")]])).to.equal("400");
      expect(await seen(open, proxy, [[HEADER, values.join("")]])).to.equal("400");
    });

    it("lets a proxy be itself on /version, ready and status, and nowhere else", async () => {
      expect(await seen(open, proxy, [], "/version")).to.equal("200");
      expect(await seen(open, proxy, [], "/v1/ready")).to.equal("200");
      expect(await seen(open, proxy, [], "/v1/status")).to.equal("403");
      expect(await seen(open, proxy, [], "/v1/key/list/")).to.equal("400");
      expect(await seen(open, proxy, [], "/v1/policy/list/")).to.equal("400");
    });

    it("believes no header of anybody else", async () => {
      const headers: Headers = [
        [HEADER, escaped(client)],
        ["x-forwarded-client-cert", `Cert="${escaped(client)}"`],
        ["client-cert", `:${Buffer.from(client.der).toString("base64")}:`],
        ["x-forwarded-for", "203.0.113.66"],
      ];
      expect(await seen(open, other, headers)).to.equal("200 other");
      expect(await seen(open, selfSigned(), headers)).to.equal("404");
      expect(open.stdout()).to.not.include("203.0.113.66");
    });

    it("a server for proxies alone serves others what is open, without forwarding headers", async () => {
      expect(await seen(strict, other, [])).to.equal("403");
      expect(await seen(strict, strict.admin, [])).to.equal("403");
      expect(await seen(strict, strict.admin, [], "/v1/key/list/")).to.equal("403");
      expect(await seen(strict, other, [], "/")).to.equal("403");
      expect(await seen(strict, other, [], "/version")).to.equal("200");
      expect(await seen(strict, other, [], "/v1/ready")).to.equal("200");
      expect(await seen(strict, other, [["x-forwarded-for", "10.0.0.1"]], "/v1/ready")).to.equal("403");
      expect(await seen(strict, other, [[HEADER, escaped(client)]], "/version")).to.equal("403");
    });

    it("records the client and his address, also where there is no such path", async () => {
      for (const path of ["/v1/nowhere", "/v1//key", "/v1/key/list/x%zz", "/version"]) {
        const before = open.stdout().length;
        await ask(open.port, proxy, path, [
          [HEADER, escaped(client)],
          ["x-forwarded-for", "203.0.113.1, 203.0.113.2"],
        ]);
        const record = open.stdout().slice(before);
        expect(record, path).to.include(`req.ip=203.0.113.2 req.identity=${client.identity}`);
      }
    });

    it("no header gets into a log", async () => {
      const names = [
        HEADER,
        "x-forwarded-client-cert",
        "client-cert",
        "forwarded",
        "x-forwarded-for",
        "x-real-ip",
      ];
      for (const server of [open, strict]) {
        for (const who of [proxy, other]) {
          for (const name of names) {
            for (const value of [CANARY, `%zz${CANARY}`, `Cert="${CANARY}"`, `:${CANARY}:`])
              await ask(server.port, who, "/v1/key/list/", [[name, value]]);
          }
        }
        expect(server.stdout()).to.include("res.code=400");
        expect(server.stdout() + server.stderr()).to.not.include(CANARY);
      }
    });

    it("a proxy that is the admin as well has no right as itself but to routes that may be open", async () => {
      // The configuration refuses this; the server must not depend on it.
      const admin = selfSigned({ cn: "admin and proxy" });
      const server = await startTestServer({
        policies: { clients: { allow: ["/v1/key/*"], identities: [client.identity] } },
        config: { admin: { identity: admin.identity, text: admin.identity }, tls: tlsOf(admin, false) },
      });
      try {
        expect(await seen(server, admin, [], "/v1/key/list/")).to.equal("400");
        expect(await seen(server, admin, [[HEADER, escaped(client)]], "/v1/policy/list/")).to.equal("403");
        expect(await seen(server, admin, [[HEADER, escaped(client)]])).to.equal("200 client");
      } finally {
        await server.close();
      }
    });
  });
}

function tlsOf(proxy: TestCertificate, only: boolean): TlsConfig {
  const header = { certificateHeader: HEADER, format: "auto" as const };
  return {
    keyFile: "",
    certFile: "",
    verifyClients: false,
    proxy: { identities: [proxy.identity], ...header, only },
  };
}
