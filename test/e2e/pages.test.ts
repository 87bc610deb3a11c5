/** The pages as clients get them: over TLS, HTTP/1.1 and HTTP/2 alike. */
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { identity, keyName } from "../../src/names.js";
import { selfSigned } from "../support/certificates.js";
import { type Answer, overHttp1, overHttp2 } from "../support/send.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

/** Nobody's certificate: no policy names it. */
const stranger = selfSigned({ cn: "stranger" });

describe("pages over TLS", () => {
  let server: TestServer;
  let keystore: MemoryKeystore;
  const holder = selfSigned({ cn: "holder" });

  before(async () => {
    keystore = new MemoryKeystore();
    const name = keyName("secret-key-name");
    if (name !== undefined) await keystore.create(name, Buffer.from("value"));
    const named = identity(holder.identity);
    server = await startTestServer({
      keystore,
      policies: { "secret-policy": { allow: ["/v1/key/create/*"], identities: named ? [named] : [] } },
    });
  });
  after(() => server.close());

  for (const [version, over] of [
    ["HTTP/1.1", overHttp1],
    ["HTTP/2", overHttp2],
  ] as const) {
    describe(version, () => {
      const send = (method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> =>
        over(server, stranger, { method, path, headers });

      it("shows a browser HTML, with its length", async () => {
        const { status, headers, body } = await send("GET", "/", { accept: "text/html,*/*;q=0.8" });
        expect(status).to.equal(200);
        expect(headers["content-type"]).to.equal("text/html; charset=utf-8");
        expect(headers["content-length"]).to.equal(String(Buffer.byteLength(body)));
        expect(headers["content-security-policy"]).to.match(/^default-src 'none'; /);
        expect(headers["x-request-id"]).to.be.a("string");
        expect(headers).to.not.have.any.keys("x-powered-by", "etag", "set-cookie");
        expect(body).to.match(/<dd class="ready">Ready<\/dd>/);
        expect(body).to.match(/<\/html>\n$/);
      });

      it("shows curl plain text, whatever the query", async () => {
        const { status, headers, body } = await send("GET", "/?a=1", { accept: "*/*" });
        expect(status).to.equal(200);
        expect(headers["content-type"]).to.equal("text/plain; charset=utf-8");
        expect(body).to.match(/^Keswick 0\.0\.0-test /);
      });

      it("answers HEAD with the headers of GET and no body", async () => {
        for (const path of ["/", "/openapi.json"]) {
          const head = await send("HEAD", path);
          const got = await send("GET", path);
          expect(head.body).to.equal("");
          expect(head.status).to.equal(200);
          for (const name of ["content-type", "content-length", "cache-control"]) {
            expect(head.headers[name], name).to.equal(got.headers[name]);
          }
        }
      });

      it("serves the API's description", async () => {
        const { headers, body } = await send("GET", "/openapi.json");
        expect(headers["content-type"]).to.equal("application/json");
        expect(JSON.parse(body)).to.have.property("openapi", "3.1.0");
      });

      it("refuses other methods as routes do", async () => {
        for (const path of ["/", "/openapi.json"]) {
          const { status, headers, body } = await send("PUT", path);
          expect(status).to.equal(405);
          expect(headers).to.include({ accept: "GET", allow: "GET", "content-type": "application/json" });
          expect(JSON.parse(body)).to.deep.equal({ message: "received method 'PUT' expected 'GET'" });
        }
      });

      it("answers every other path as before there were pages", async () => {
        for (const path of [
          "/index.html",
          "/openapi.json/",
          "/OPENAPI.JSON",
          "/v1",
          "/favicon.ico",
          "/openapi%2Ejson%2F",
        ]) {
          const { status, body } = await send("GET", path, { accept: "text/html" });
          expect([path, status, body]).to.deep.equal([path, 404, "404 page not found\n"]);
        }
      });

      it("tells nothing about keys, policies, identities and files", async () => {
        for (const accept of ["text/html", "*/*"]) {
          const { body } = await send("GET", "/", { accept });
          for (const word of ["secret-key-name", "secret-policy", holder.identity, server.admin.identity]) {
            expect(body).to.not.contain(word);
          }
          expect(body).to.not.contain("In Memory").and.not.contain(process.cwd());
        }
      });
    });
  }

  it("leaves an audit record", async () => {
    const { headers } = await overHttp1(server, stranger, { method: "GET", path: "/" });
    expect(server.stdout()).to.contain(String(headers["x-request-id"]));
  });

  it("says that the server is not ready when the keystore is gone", async () => {
    const other = new MemoryKeystore();
    const broken = await startTestServer({ keystore: other });
    try {
      await other.close();
      const { status, body } = await overHttp2(broken, stranger, { method: "GET", path: "/" });
      expect(status).to.equal(200);
      expect(body).to.contain("Status: not ready");
    } finally {
      await broken.close();
    }
  });
});
