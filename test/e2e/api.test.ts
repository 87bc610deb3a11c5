import type { TLSSocket } from "node:tls";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { routes } from "../../src/api/routes.js";
import { ApiClient, type ApiRequest, type Framing, type Protocol } from "../support/api-client.js";
import { selfSigned, type TestCertificate } from "../support/certificates.js";
import { FaultyKeystore, type Rule } from "../support/faulty-keystore.js";
import { named } from "../support/keystore.js";
import { connectTls, type RawAnswer, readAnswer } from "../support/raw-http1.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const app = selfSigned({ cn: "app" });
const stranger = selfSigned({ cn: "stranger" });
const lister = selfSigned({ cn: "lister" });
const policies = {
  "my-app": {
    allow: ["/v1/key/*", "/v1/status", "/v1/policy/*", "/v1/identity/*"],
    deny: ["/v1/key/decrypt/x*"],
    identities: [app.identity],
  },
  empty: { identities: [] },
  lister: { allow: ["/v1/key/list/p-*"], identities: [lister.identity] },
};

const error = (message: string): string => `{"message":"${message}"\n}`;
const b64 = (text: string): string => Buffer.from(text).toString("base64");
const NOT_ALLOWED = error("not authorized: insufficient permissions");
const NAME_FAULT = "is empty, too long or contains invalid characters";
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,8}[1-9])?Z$/;

/** Values of the reference, §9.5, §9.7 and §9.4: a key of zeros without HMAC key, and one of each new kind. */
const ZERO_KEY = '{"bytes":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}';
const COUNTING_KEY =
  "CiQKIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fEAESJAogICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8QARoGCIDiz6oGIkAzZWNmY2RmMzhmY2JlMTQxYWUyNmExMDMwZjgxZTk2Yjc1MzM2NWE0Njc2MGFlNmI1Nzg2OThhOTdjNTlmZDIy";
const NO_CREATOR_KEY =
  "CiQKIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fEAISJAogICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8QARoLCIDiz6oGEJWa7zo=";
/** A stored key of a creation time and nothing else. */
const HOLLOW_KEY = "GgYIgOLPqgY=";

/** Every combination of a protocol is run through the same tables. */
for (const protocol of ["h1", "h2"] as const satisfies readonly Protocol[]) {
  describe(`API over ${protocol}`, () => {
    const keystore = new FaultyKeystore(new MemoryKeystore());
    let server: TestServer;
    let clients: Record<"admin" | "app" | "stranger" | "lister", ApiClient>;

    before(async () => {
      const stored = { zero: ZERO_KEY, counting: COUNTING_KEY, chacha: NO_CREATOR_KEY, hollow: HOLLOW_KEY };
      for (const [name, value] of Object.entries(stored))
        await keystore.create(named(name), Buffer.from(value));
      server = await startTestServer({ keystore, policies });
      const connect = (who: TestCertificate): ApiClient => new ApiClient(protocol, server.port, who);
      clients = {
        admin: connect(server.admin),
        app: connect(app),
        stranger: connect(stranger),
        lister: connect(lister),
      };
      await clients.admin.ok("PUT", "/v1/key/create/my-key");
    });

    after(async () => {
      for (const client of Object.values(clients)) client.close();
      await server.close();
    });

    const parsed = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> =>
      (await clients.admin.ok(method, path, body)) as Record<string, unknown>;

    interface Row {
      readonly who?: keyof typeof clients;
      readonly request: ApiRequest;
      readonly status: number;
      readonly body: string;
      readonly type?: string | undefined;
    }

    async function check({ who = "admin", request, status, body, type }: Row): Promise<void> {
      const answer = await clients[who].send(request);
      expect(answer.status, answer.body).to.equal(status);
      expect(answer.body).to.equal(body);
      const wanted = type ?? (body === "" ? undefined : "application/json");
      expect(answer.headers["content-type"]).to.equal(wanted);
      // HEAD announces the length of what it leaves out; where nothing is left out the length is that of the body.
      if (request.method !== "HEAD")
        expect(answer.headers["content-length"]).to.equal(String(Buffer.byteLength(body)));
      expect(answer.headers["x-request-id"]).to.match(/^[0-9a-f]{8}-[0-9a-f]{10}$/);
      expect(answer.headers.date).to.be.a("string");
      expect(answer.headers).not.to.have.property("server");
    }

    /** A request of one line: `PUT /path`, with a body and its framing behind. */
    const ask = (line: string, body?: string, framing?: Framing): ApiRequest => {
      const [method = "", path = ""] = line.split(" ");
      return { method, path, ...(body === undefined ? {} : { body }), ...(framing ? { framing } : {}) };
    };

    describe("status routes", () => {
      it("GET /version", () =>
        check({
          request: ask("GET /version"),
          status: 200,
          body: `{"version":"0.0.0-test","commit":"${"0".repeat(40)}"}\n`,
        }));

      it("GET /version is for everybody", () =>
        check({
          who: "stranger",
          request: ask("GET /version"),
          status: 200,
          body: `{"version":"0.0.0-test","commit":"${"0".repeat(40)}"}\n`,
        }));

      it("GET /v1/ready is an empty 200", () =>
        check({ request: ask("GET /v1/ready"), status: 200, body: "" }));

      it("GET /v1/status: S16 #13: uptime in seconds, latency in milliseconds", async () => {
        const status = await parsed("GET", "/v1/status");
        expect(Object.keys(status)).to.deep.equal([
          "version",
          "os",
          "arch",
          "uptime",
          "num_cpu",
          "num_cpu_used",
          "mem_heap_used",
          "mem_stack_used",
          "keystore_latency",
        ]);
        expect(status.os).to.match(/^[a-z]+$/);
        expect(status.arch).to.match(/^(amd64|arm64|386|[a-z0-9]+)$/);
        expect(status.uptime).to.be.within(0, 120);
        expect(status.keystore_latency).to.be.within(1, 1000);
        for (const name of ["uptime", "num_cpu", "mem_heap_used", "mem_stack_used", "keystore_latency"])
          expect(Number.isInteger(status[name]), name).to.equal(true);
      });

      it("GET /v1/metrics is Prometheus text", async () => {
        const answer = await clients.admin.send(ask("GET /v1/metrics"));
        expect(answer.status).to.equal(200);
        expect(answer.headers["content-type"]).to.equal("text/plain; version=0.0.4; charset=utf-8");
        expect(answer.body).to.match(/^# HELP kes_\w+ /);
        expect(answer.body).to.match(/^kes_http_request_success\{code="200"\} \d+$/m);
      });

      it("GET /v1/api: S16 #27: the routes, sorted, with their limits", async () => {
        const rows = (await clients.admin.ok("GET", "/v1/api")) as Record<string, unknown>[];
        const paths = rows.map((row) => String(row.path));
        expect(paths).to.deep.equal([...paths].sort());
        for (const row of rows)
          expect(Object.keys(row)).to.deep.equal(["method", "path", "max_body", "timeout"]);
        const lines = rows.map(
          ({ method, path, max_body, timeout }) => `${method} ${path} ${max_body} ${timeout}`,
        );
        // The reference's table, §3.1.
        expect(lines).to.include.members([
          "GET /version 0 10",
          "GET /v1/ready 0 15",
          "GET /v1/status 0 15",
          "GET /v1/metrics 0 15",
          "GET /v1/api 0 10",
          "PUT /v1/key/create/ 0 15",
          "PUT /v1/key/import/ 1000000 15",
          "GET /v1/key/describe/ 0 15",
          "GET /v1/key/list/ 0 15",
          "DELETE /v1/key/delete/ 0 15",
          "PUT /v1/key/generate/ 1000000 15",
          "PUT /v1/key/encrypt/ 1000000 15",
          "PUT /v1/key/decrypt/ 1000000 15",
          "PUT /v1/key/hmac/ 1000000 15",
          "GET /v1/policy/describe/ 0 15",
          "GET /v1/policy/read/ 0 15",
          "GET /v1/policy/list/ 0 15",
          "GET /v1/identity/describe/ 0 15",
          "GET /v1/identity/list/ 0 15",
          "GET /v1/identity/self/describe 0 15",
          "GET /v1/log/error 0 0",
          "GET /v1/log/audit 0 0",
        ]);
        expect(lines).to.have.length(routes.length);
      });
    });

    describe("keys", () => {
      it("are created, described, listed and deleted", async () => {
        await check({ request: ask("PUT /v1/key/create/new-key"), status: 200, body: "" });
        const info = await parsed("GET", "/v1/key/describe/new-key");
        expect(Object.keys(info)).to.deep.equal(["name", "algorithm", "created_at", "created_by"]);
        expect(info).to.deep.include({
          name: "new-key",
          algorithm: "AES256",
          created_by: server.admin.identity,
        });
        expect(info.created_at).to.match(TIME);
        expect((await parsed("GET", "/v1/key/list/new")).names).to.deep.equal(["new-key"]);
        await check({
          request: ask("PUT /v1/key/create/new-key"),
          status: 400,
          body: error("key already exists"),
        });
        await check({ request: ask("DELETE /v1/key/delete/new-key"), status: 200, body: "" });
        for (const line of ["GET /v1/key/describe/new-key", "DELETE /v1/key/delete/new-key"])
          await check({ request: ask(line), status: 404, body: error("key does not exist") });
      });

      it("a body of create and delete is ignored", async () => {
        for (const framing of ["length", "unknown"] as const) {
          await check({ request: ask("PUT /v1/key/create/bodied", "junk", framing), status: 200, body: "" });
          await check({
            request: ask("DELETE /v1/key/delete/bodied", "junk", framing),
            status: 200,
            body: "",
          });
        }
      });

      it("describe shows stored keys of every form", async () => {
        expect((await clients.admin.send(ask("GET /v1/key/describe/counting"))).body).to.equal(
          '{"name":"counting","algorithm":"AES256","created_at":"2023-11-14T22:13:20Z",' +
            '"created_by":"3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22"}\n',
        );
        expect((await clients.admin.send(ask("GET /v1/key/describe/chacha"))).body).to.equal(
          '{"name":"chacha","algorithm":"ChaCha20","created_at":"2023-11-14T22:13:20.123456789Z"}\n',
        );
        expect((await clients.admin.send(ask("GET /v1/key/describe/zero"))).body).to.equal(
          '{"name":"zero","algorithm":"AES256","created_at":"0001-01-01T00:00:00Z"}\n',
        );
      });

      it("S16 #12: a stored key that lacks a part is a 502, not a crash", async () => {
        const faults = [ask("GET /v1/key/describe/hollow"), ask("PUT /v1/key/hmac/hollow", "{}")];
        for (const request of faults)
          await check({ request, status: 502, body: error("failed to read key") });
        await check({ request: ask("GET /v1/ready"), status: 200, body: "" });
      });

      const imports: readonly (readonly [why: string, body: string, status: number, message: string])[] = [
        ["no body", "", 400, "invalid import key request body"],
        ["not JSON", "junk", 400, "invalid import key request body"],
        ["bad base64", '{"key":"__8=","cipher":"AES256"}', 400, "invalid import key request body"],
        ["no cipher", `{"key":"${b64("k".repeat(32))}"}`, 406, "algorithm '' is not supported"],
        ["another cipher", '{"cipher":"DES"}', 406, "algorithm 'DES' is not supported"],
        ["no key", '{"cipher":"AES256"}', 406, "invalid key size for 'AES256'"],
        [
          "31 bytes",
          `{"key":"${b64("k".repeat(31))}","cipher":"ChaCha20"}`,
          406,
          "invalid key size for 'ChaCha20'",
        ],
        [
          "33 bytes",
          `{"key":"${b64("k".repeat(33))}","cipher":"AES256"}`,
          406,
          "invalid key size for 'AES256'",
        ],
        [
          "a name that is taken",
          `{"key":"${b64("k".repeat(32))}","cipher":"AES256"}`,
          400,
          "key already exists",
        ],
      ];
      for (const [why, body, status, message] of imports) {
        it(`import of ${why}: ${status} ${message}`, () =>
          check({ request: ask("PUT /v1/key/import/my-key", body), status, body: error(message) }));
      }

      it("import takes the four names of ciphers, and the bytes are used", async () => {
        const ciphers = ["AES256", "AES256-GCM_SHA256", "ChaCha20", "XCHACHA20-POLY1305"];
        const key = Buffer.from(Uint8Array.from({ length: 32 }, (_, i) => i)).toString("base64");
        for (const [i, cipher] of ciphers.entries()) {
          const body = JSON.stringify({ key, cipher });
          await check({ request: ask(`PUT /v1/key/import/imported-${i}`, body), status: 200, body: "" });
          const { algorithm } = await parsed("GET", `/v1/key/describe/imported-${i}`);
          expect(algorithm).to.equal(i < 2 ? "AES256" : "ChaCha20");
        }
        // Reference §9.8: `Hello World` under that key, without context.
        const sealed = [
          "/H1RafmUVj/ft/jCO21rpwie3KSCpAj+Ps7VoKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6uw==",
          "gw/4swX7qOG0r//AvYpe6+rAs4zCRLeuEkOSoKGio6SlpqeoqaqrrK2ur7CxsrO0tba3uLm6uw==",
        ];
        for (const [i, ciphertext] of [sealed[0], sealed[0], sealed[1], sealed[1]].entries())
          await check({
            request: ask(`PUT /v1/key/decrypt/imported-${i}`, JSON.stringify({ ciphertext })),
            status: 200,
            body: `{"plaintext":"${b64("Hello World")}"}\n`,
          });
        for (const i of ciphers.keys()) await clients.admin.ok("DELETE", `/v1/key/delete/imported-${i}`);
      });
    });

    describe("listings", () => {
      it("are sorted, complete and never null", async () => {
        const answer = await clients.admin.send(ask("GET /v1/key/list/"));
        expect(answer.body).to.equal('{"names":["chacha","counting","hollow","my-key","zero"]}\n');
        await check({ request: ask("GET /v1/key/list/nope"), status: 200, body: '{"names":[]}\n' });
      });

      it("S16 #26: arrays are never null, of keys, policies and identities alike", async () => {
        await check({ request: ask("GET /v1/key/list/none*"), status: 200, body: '{"names":[]}\n' });
        await check({
          request: ask("GET /v1/policy/list/none*"),
          status: 200,
          body: '{"names":[],"continue_at":""}\n',
        });
        await check({
          request: ask("GET /v1/identity/list/none*"),
          status: 200,
          body: '{"identities":[],"continue_at":""}\n',
        });
      });

      it("S16 #7: a final star changes nothing", async () => {
        const all = '{"names":["chacha","counting","hollow","my-key","zero"]}\n';
        for (const pattern of ["*", "%2A"])
          await check({ request: ask(`GET /v1/key/list/${pattern}`), status: 200, body: all });
        for (const pattern of ["c", "c*", "c%2A"])
          await check({
            request: ask(`GET /v1/key/list/${pattern}`),
            status: 200,
            body: '{"names":["chacha","counting"]}\n',
          });
      });

      const invalid = ["*-*", "my.key", "key/", "my-", "_", "a".repeat(81), "%E2%98%B0", "-a", "**", "a*b"];
      for (const pattern of invalid) {
        it(`the pattern ${pattern.slice(0, 20)} is refused`, async () => {
          const shown = decodeURIComponent(pattern);
          for (const what of ["key", "policy", "identity"])
            await check({
              request: ask(`GET /v1/${what}/list/${pattern}`),
              status: 400,
              body: error(`listing pattern '${shown}' is empty, too long or is invalid`),
            });
        });
      }

      it("S16 #8: more than 1024 keys come page by page, none lost, none twice", async () => {
        const names = Array.from({ length: 2500 }, (_, i) => `p-${String(i * 7).padStart(5, "0")}`);
        for (const name of names) await keystore.create(named(name), Buffer.from(ZERO_KEY));
        try {
          // The policy allows `/v1/key/list/p-*`: it must allow every page, not the first alone.
          for (const who of ["admin", "lister"] as const) {
            const seen: string[] = [];
            let pattern = "p-*";
            let pages = 0;
            do {
              const page = (await clients[who].ok("GET", `/v1/key/list/${encodeURIComponent(pattern)}`)) as {
                names: string[];
                continue_at?: string;
              };
              expect(page.names.length).to.be.within(1, 1024);
              seen.push(...page.names);
              pattern = page.continue_at ?? "";
              pages++;
            } while (pattern !== "" && pages < 10);
            expect(pages).to.equal(3);
            expect(seen).to.deep.equal([...names].sort());
          }
        } finally {
          for (const name of names) await keystore.delete(named(name));
        }
      });

      it("a forged token gets no further than its prefix", async () => {
        await check({ who: "lister", request: ask("GET /v1/key/list/~zz"), status: 403, body: NOT_ALLOWED });
        await check({
          who: "lister",
          request: ask("GET /v1/key/list/p-~a/../x"),
          status: 301,
          body: '<a href="/v1/key/list/x">Moved Permanently</a>.\n\n',
          type: "text/html; charset=utf-8",
        });
        await check({
          request: ask("GET /v1/key/list/p-~a~b"),
          status: 400,
          body: error("listing pattern 'p-~a~b' is empty, too long or is invalid"),
        });
      });
    });

    describe("data keys", () => {
      it("generate, and decrypt gives the same back, with its context alone", async () => {
        const context = b64('{"bucket":"b"}');
        const answer = await clients.admin.send(
          ask("POST /v1/key/generate/my-key", JSON.stringify({ context })),
        );
        // Reference §18: 32 bytes are 44 characters, 76 are 104, with names and quotes 181 bytes in all.
        expect(answer.body).to.match(
          /^\{"plaintext":"[A-Za-z0-9+/]{43}=","ciphertext":"[A-Za-z0-9+/]{102}[A-Za-z0-9+/=]{2}"\}\n$/,
        );
        expect(answer.headers["content-length"]).to.equal("181");
        const { plaintext, ciphertext } = JSON.parse(answer.body);
        await check({
          request: ask("POST /v1/key/decrypt/my-key", JSON.stringify({ ciphertext, context })),
          status: 200,
          body: `{"plaintext":"${plaintext}"}\n`,
        });
        for (const wrong of [{ ciphertext }, { ciphertext, context: b64('{"bucket":"c"}') }])
          await check({
            request: ask("POST /v1/key/decrypt/my-key", JSON.stringify(wrong)),
            status: 400,
            body: error("decryption failed: ciphertext is not authentic"),
          });
      });

      const framings: readonly (readonly [why: string, body: string, framing: Framing, status: number])[] = [
        ["no body", "", "none", 200],
        ["a length of zero", "", "length", 200],
        ["an empty body of unknown length", "", "unknown", 400],
        ["{} of unknown length", "{}", "unknown", 200],
        ["{} with its length", "{}", "length", 200],
        ["null", "null", "unknown", 200],
        ["blanks", "  ", "unknown", 400],
        ["blanks with their length", "  ", "length", 400],
        ["half a body", '{"context":"', "unknown", 400],
        ["a version, ignored", '{"version":"v7"}', "unknown", 200],
      ];
      for (const [why, body, framing, status] of framings) {
        it(`S16 #30: generate with ${why}: ${status}`, async () => {
          const answer = await clients.admin.send(ask("POST /v1/key/generate/my-key", body, framing));
          expect(answer.status).to.equal(status);
          if (status === 400) {
            expect(answer.body).to.equal(error("invalid request body"));
            return;
          }
          const { plaintext, ciphertext } = JSON.parse(answer.body);
          expect(await parsed("PUT", "/v1/key/decrypt/my-key", { ciphertext })).to.deep.equal({ plaintext });
        });
      }

      it("encrypt, and decrypt gives the same back, also of nothing", async () => {
        for (const text of ["Hello World", "", "x".repeat(100_000)]) {
          const { ciphertext } = await parsed("PUT", "/v1/key/encrypt/my-key", { plaintext: b64(text) });
          expect(Buffer.from(String(ciphertext), "base64")).to.have.length(text.length + 44);
          await check({
            request: ask("PUT /v1/key/decrypt/my-key", JSON.stringify({ ciphertext })),
            status: 200,
            body: `{"plaintext":"${b64(text)}"}\n`,
          });
        }
        expect(await parsed("PUT", "/v1/key/encrypt/my-key", {}))
          .to.have.property("ciphertext")
          .length(60);
      });

      it("HMAC is that of the reference", async () => {
        const macs = {
          "Hello World": "z7qwEmYMolZ+4ObWeNpuOTZmFjyazt/txHZcMi1tr48=",
          "": "9JJAt4qpDlP0YQbDSB43fhlpbndzKLHNbsYGGgvYaKk=",
          "root access key": "/Mm2j6Jwe3MIuHpsbtso4nGEaAvvoPqJPHYNrgxZGuk=",
        };
        for (const [message, hmac] of Object.entries(macs))
          await check({
            request: ask("PUT /v1/key/hmac/counting", JSON.stringify({ message: b64(message) })),
            status: 200,
            body: `{"hmac":"${hmac}"}\n`,
          });
        await check({
          request: ask("PUT /v1/key/hmac/counting", "{}"),
          status: 200,
          body: `{"hmac":"${macs[""]}"}\n`,
        });
        await check({
          request: ask("PUT /v1/key/hmac/zero", "{}"),
          status: 409,
          body: error("key does not support HMAC"),
        });
      });

      it("S16 #11: a legacy ciphertext is opened by its own algorithm where the stored key names none", async () => {
        // Reference §9.7 #0 and #1, under the one stored key, which says AES256.
        const sealed = [
          '{"aead":"AES-256-GCM-HMAC-SHA-256","iv":"xLxIN3tSCkg2xMafuvwUwg==","nonce":"gu0mGwUkwcvMEoi5","bytes":"WVgRjeIJm3w50C/l+y7y2i6mbNg5NCAqN1zvOYWZKmc="}',
          '{"aead":"ChaCha20Poly1305","iv":"s3fSZ6vk5m+DfQA8yZWeUg==","nonce":"8/kHMnCMs3h9NZ2a","bytes":"cw22HjLq/4cx8507SW4hhSrYbDiMuRao4b5+GE+XfbE="}',
        ];
        for (const ciphertext of sealed)
          await check({
            request: ask("PUT /v1/key/decrypt/zero", JSON.stringify({ ciphertext: b64(ciphertext) })),
            status: 200,
            body: '{"plaintext":"AAAAAAAAAAAAAAAAAAAAAA=="}\n',
          });
      });

      for (const what of ["encrypt", "decrypt", "hmac"]) {
        for (const [why, body, framing] of [
          ["no body", "", "none"],
          ["a length of zero", "", "length"],
          ["an empty body", "", "unknown"],
          ["an array", "[]", "unknown"],
          [
            "bad base64",
            `{"${what === "hmac" ? "message" : what === "encrypt" ? "plaintext" : "ciphertext"}":"__8="}`,
            "unknown",
          ],
        ] as const) {
          it(`${what} with ${why} is 400`, () =>
            check({
              request: ask(`PUT /v1/key/${what}/my-key`, body, framing),
              status: 400,
              body: error("invalid request body"),
            }));
        }
      }

      for (const what of ["generate", "encrypt", "decrypt", "hmac"]) {
        it(`${what} under no such key is 404`, () =>
          check({
            request: ask(`PUT /v1/key/${what}/nope`, "{}"),
            status: 404,
            body: error("key does not exist"),
          }));
      }
    });

    describe("bulk", () => {
      it("decrypts many in order, the first failure ends all", async () => {
        const items: object[] = [];
        const plaintexts: object[] = [];
        for (const text of ["one", "two", ""]) {
          const context = b64(`context of ${text}`);
          const sealed = await parsed("PUT", "/v1/key/encrypt/my-key", { plaintext: b64(text), context });
          items.push({ ...sealed, context });
          plaintexts.push({ plaintext: b64(text) });
        }
        await check({
          request: ask("POST /v1/key/bulk/decrypt/my-key", JSON.stringify(items)),
          status: 200,
          body: `${JSON.stringify(plaintexts)}\n`,
        });
        await check({
          request: ask("POST /v1/key/bulk/decrypt/my-key", JSON.stringify([...items, {}])),
          status: 400,
          body: error("decryption failed: ciphertext is not authentic"),
        });
        await check({ request: ask("PUT /v1/key/bulk/decrypt/my-key", "[]"), status: 200, body: "[]\n" });
      });

      it("generates a data key for each context", async () => {
        const contexts = [b64("a"), b64("b"), ""].map((context) => ({ context }));
        const answer = await clients.admin.send(
          ask("PUT /v1/key/bulk/generate/my-key", JSON.stringify(contexts)),
        );
        const made = JSON.parse(answer.body) as { plaintext: string; ciphertext: string }[];
        expect(new Set(made.map(({ plaintext }) => plaintext)).size).to.equal(3);
        const items = made.map(({ ciphertext }, i) => ({ ciphertext, ...contexts[i] }));
        expect(await clients.admin.ok("PUT", "/v1/key/bulk/decrypt/my-key", items)).to.deep.equal(
          made.map(({ plaintext }) => ({ plaintext })),
        );
      });

      it("takes 1000 items and no more", async () => {
        const items = (count: number): string => JSON.stringify(Array.from({ length: count }, () => ({})));
        const answer = await clients.admin.send(ask("PUT /v1/key/bulk/generate/my-key", items(1000)));
        expect(JSON.parse(answer.body)).to.have.length(1000);
        for (const what of ["decrypt", "generate"])
          await check({
            request: ask(`PUT /v1/key/bulk/${what}/my-key`, items(1001)),
            status: 400,
            body: error("too many ciphertexts"),
          });
      });

      it("tells of each item by itself where ?partial=true asks for that", async () => {
        const context = b64("context");
        const good = await parsed("PUT", "/v1/key/encrypt/my-key", { plaintext: b64("one"), context });
        const items = [
          JSON.stringify({ ...good, context }),
          JSON.stringify(good),
          '{"ciphertext":"!"}',
          "[]",
          `{"CIPHERTEXT":"${good.ciphertext}","context":"${context}"}`,
        ];
        const decrypt = (query: string): ApiRequest =>
          ask(`PUT /v1/key/bulk/decrypt/my-key${query}`, `[${items.join(",")}]`);
        const notAuthentic = {
          error: { status: 400, message: "decryption failed: ciphertext is not authentic" },
        };
        const invalid = { error: { status: 400, message: "invalid request body" } };
        const one = { plaintext: b64("one") };
        for (const query of ["?partial=true", "?x=1&partial=true"])
          await check({
            request: decrypt(query),
            status: 200,
            body: `${JSON.stringify([one, notAuthentic, invalid, invalid, one])}\n`,
          });
        // All for one, the body first.
        for (const query of ["", "?partial=false", "?partial", "?Partial=true"])
          await check({ request: decrypt(query), status: 400, body: error("invalid request body") });
        const made = await clients.admin.ok("POST", "/v1/key/bulk/generate/my-key?partial=true", [
          { context },
          { context: 5 },
        ]);
        expect((made as object[]).map((each) => Object.keys(each))).to.deep.equal([
          ["plaintext", "ciphertext"],
          ["error"],
        ]);
      });

      it("fails as a whole for what is no item's fault, partial or not", async () => {
        const rows = [
          ["nope", "[]", 404, "key does not exist"],
          ["nope", "[{}]", 404, "key does not exist"],
          ["nope", "[5]", 404, "key does not exist"],
          ["my-key", "[{}", 400, "invalid request body"],
          ["my-key", "{}", 400, "invalid request body"],
          ["my-key", `[${new Array(1001).fill("5")}]`, 400, "too many ciphertexts"],
        ] as const;
        for (const [key, body, status, message] of rows)
          await check({
            request: ask(`PUT /v1/key/bulk/decrypt/${key}?partial=true`, body),
            status,
            body: error(message),
          });
      });

      it("is refused where a policy denies the single call", async () => {
        await clients.admin.ok("PUT", "/v1/key/create/x-key");
        const { ciphertext } = await parsed("PUT", "/v1/key/encrypt/x-key", { plaintext: b64("no") });
        const body = JSON.stringify([{ ciphertext }]);
        await check({
          who: "app",
          request: ask("POST /v1/key/bulk/decrypt/x-key", body),
          status: 403,
          body: NOT_ALLOWED,
        });
        await check({
          who: "app",
          request: ask("POST /v1/key/decrypt/x-key", JSON.stringify({ ciphertext })),
          status: 403,
          body: NOT_ALLOWED,
        });
        // What is not denied it may do, so it was the guard that refused.
        const mine = (await clients.app.ok("PUT", "/v1/key/encrypt/my-key", {})) as object;
        expect(await clients.app.ok("POST", "/v1/key/bulk/decrypt/my-key", [mine])).to.deep.equal([
          { plaintext: "" },
        ]);
        await clients.admin.ok("DELETE", "/v1/key/delete/x-key");
      });
    });

    describe("policies and identities", () => {
      it("policies are described, read and listed", async () => {
        const described = await parsed("GET", "/v1/policy/describe/my-app");
        expect(Object.keys(described)).to.deep.equal(["name", "created_at", "created_by"]);
        expect(described).to.deep.include({ name: "my-app", created_by: server.admin.identity });
        expect(described.created_at).to.match(TIME);
        const { body } = await clients.admin.send(ask("GET /v1/policy/read/my-app"));
        expect(body).to.equal(
          '{"name":"my-app","allow":{"/v1/identity/*":{},"/v1/key/*":{},"/v1/policy/*":{},"/v1/status":{}},' +
            `"deny":{"/v1/key/decrypt/x*":{}},"created_at":"${described.created_at}","created_by":"${server.admin.identity}"}\n`,
        );
        expect(await parsed("GET", "/v1/policy/read/empty")).not.to.have.any.keys("allow", "deny");
        await check({
          request: ask("GET /v1/policy/list/"),
          status: 200,
          body: '{"names":["empty","lister","my-app"],"continue_at":""}\n',
        });
        for (const pattern of ["my", "my*", "my-app"])
          await check({
            request: ask(`GET /v1/policy/list/${pattern}`),
            status: 200,
            body: '{"names":["my-app"],"continue_at":""}\n',
          });
      });

      for (const what of ["describe", "read"]) {
        it(`policy/${what} of none is 404, of a bad name 400`, async () => {
          await check({
            request: ask(`GET /v1/policy/${what}/nope`),
            status: 404,
            body: error("policy does not exist"),
          });
          await check({
            request: ask(`GET /v1/policy/${what}/a.b`),
            status: 400,
            body: error(`policy name 'a.b' ${NAME_FAULT}`),
          });
        });
      }

      it("identities are described and listed", async () => {
        const admin = await parsed("GET", `/v1/identity/describe/${server.admin.identity}`);
        expect(Object.keys(admin)).to.deep.equal(["admin", "created_at"]);
        expect(admin.admin).to.equal(true);
        const other = await parsed("GET", `/v1/identity/describe/${app.identity}`);
        expect(Object.keys(other)).to.deep.equal(["policy", "created_at", "created_by"]);
        expect(other.policy).to.equal("my-app");
        const all = [server.admin.identity, app.identity, lister.identity].sort();
        await check({
          request: ask("GET /v1/identity/list/"),
          status: 200,
          body: `${JSON.stringify({ identities: all, continue_at: "" })}\n`,
        });
        await check({
          request: ask(`GET /v1/identity/list/${app.identity.slice(0, 12)}*`),
          status: 200,
          body: `${JSON.stringify({ identities: [app.identity], continue_at: "" })}\n`,
        });
      });

      it("identity/describe of nobody is 404, of a bad name 400", async () => {
        for (const who of [stranger.identity, app.identity.toUpperCase(), "nobody"])
          await check({
            request: ask(`GET /v1/identity/describe/${who}`),
            status: 404,
            body: error("identity does not exist"),
          });
        for (const who of ["a.b", "a".repeat(81)])
          await check({
            request: ask(`GET /v1/identity/describe/${who}`),
            status: 400,
            body: error(`identity '${who}' ${NAME_FAULT}`),
          });
      });

      it("S16 #5: everybody may describe himself, in the layout that clients read", async () => {
        const self = async (who: keyof typeof clients): Promise<Record<string, unknown>> =>
          (await clients[who].ok("GET", "/v1/identity/self/describe")) as Record<string, unknown>;
        const admin = await self("admin");
        expect(Object.keys(admin)).to.deep.equal(["identity", "admin", "created_at"]);
        expect(admin.identity).to.equal(server.admin.identity);
        const mine = await self("app");
        expect(mine).to.deep.include({
          identity: app.identity,
          policy: "my-app",
          deny: { "/v1/key/decrypt/x*": {} },
          created_by: server.admin.identity,
        });
        expect(Object.keys(mine.allow ?? {})).to.include("/v1/key/*");
        await check({
          who: "stranger",
          request: ask("GET /v1/identity/self/describe"),
          status: 404,
          body: error("identity does not exist"),
        });
      });
    });

    describe("order of checks", () => {
      const rows: readonly (readonly [
        why: string,
        who: keyof typeof clients,
        request: ApiRequest,
        status: number,
        body: string,
      ])[] = [
        [
          "405 comes before 403",
          "stranger",
          ask("GET /v1/key/create/my-key"),
          405,
          error("received method 'GET' expected 'PUT'"),
        ],
        [
          "405 comes before a bad argument",
          "admin",
          ask("DELETE /v1/key/create/my.key"),
          405,
          error("received method 'DELETE' expected 'PUT'"),
        ],
        ["403 comes before a bad argument", "stranger", ask("POST /v1/key/create/my.key"), 403, NOT_ALLOWED],
        [
          "403 comes before a bad body",
          "stranger",
          ask("PUT /v1/key/encrypt/my-key", "junk"),
          403,
          NOT_ALLOWED,
        ],
        ["403 comes before 404 of a key", "stranger", ask("GET /v1/key/describe/nope"), 403, NOT_ALLOWED],
        [
          "a bad argument comes before a bad body",
          "admin",
          ask("PUT /v1/key/encrypt/my.key", "junk"),
          400,
          error(`key name 'my.key' ${NAME_FAULT}`),
        ],
        [
          "a bad body comes before 404 of a key",
          "admin",
          ask("PUT /v1/key/decrypt/nope", "junk"),
          400,
          error("invalid request body"),
        ],
        [
          "an unknown path comes before everything",
          "stranger",
          ask("PATCH /v1/nope"),
          404,
          "404 page not found\n",
        ],
      ];
      for (const [why, who, request, status, body] of rows) {
        it(why, () =>
          check({
            who,
            request,
            status,
            body,
            ...(status === 404 ? { type: "text/plain; charset=utf-8" } : {}),
          }),
        );
      }
      it("a redirect comes before 405 and 403", async () => {
        const answer = await clients.stranger.send(ask("DELETE /v1/key/list"));
        expect([answer.status, answer.headers.location, answer.body]).to.deep.equal([
          301,
          "/v1/key/list/",
          "",
        ]);
      });
    });

    describe("names", () => {
      const invalid: readonly string[] = [
        "",
        "_",
        "-",
        "-a",
        "a-",
        "my.key",
        "key%2F",
        "a/b",
        "a%2Fb",
        "%E2%98%B0",
        "hel%20lo",
        "%CE%95macs",
        "a*",
        "a".repeat(81),
        "a%00",
      ];
      for (const name of invalid) {
        it(`'${name.slice(0, 20)}' is refused`, async () => {
          const shown = JSON.stringify(decodeURIComponent(name)).slice(1, -1);
          await check({
            request: ask(`PUT /v1/key/create/${name}`),
            status: 400,
            body: error(`key name '${shown}' ${NAME_FAULT}`),
          });
        });
      }
      it("are escaped in messages as the reference's example shows", () =>
        check({
          request: ask("POST /v1/key/create/a%3Cb%3E"),
          status: 400,
          body: error(`key name 'a\\u003cb\\u003e' ${NAME_FAULT}`),
        }));
      const valid = ["0", "123ABC321", "_-___---_", "_0", "0-Z", "my_key-0", "__", "a".repeat(80)];
      for (const name of valid) {
        it(`'${name.slice(0, 20)}' is taken`, async () => {
          await check({ request: ask(`PUT /v1/key/create/${name}`), status: 200, body: "" });
          await check({ request: ask(`DELETE /v1/key/delete/${name}`), status: 200, body: "" });
        });
      }
    });

    describe("methods", () => {
      for (const route of routes) {
        const path = route.path + (route.argument === "none" ? "" : "my-key");
        const others = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"].filter(
          (method) => method !== route.method && !(route.method === "PUT" && method === "POST"),
        );
        it(`S16 #16: ${route.path} takes ${route.method} and no other`, async () => {
          for (const method of others) {
            const answer = await clients.admin.send({ method, path });
            expect(answer.status, method).to.equal(405);
            expect(answer.headers.accept).to.equal(route.method);
            expect(answer.headers.allow).to.equal(route.method === "PUT" ? "PUT, POST" : route.method);
            expect(answer.headers["content-type"]).to.equal("application/json");
            const message = `received method '${method}' expected '${route.method}'`;
            expect(answer.body).to.equal(method === "HEAD" ? "" : error(message));
          }
        });
      }
      it("POST stands for PUT on every route that takes PUT", async () => {
        const named = routes.filter(({ method, argument }) => method === "PUT" && argument === "key-name");
        for (const route of named) {
          // The argument is bad, so the answer shows that the method was accepted.
          await check({
            request: ask(`POST ${route.path}a.b`, "{}"),
            status: 400,
            body: error(`key name 'a.b' ${NAME_FAULT}`),
          });
        }
      });
      if (protocol === "h1") {
        it("OPTIONS * is an empty 200", () => check({ request: ask("OPTIONS *"), status: 200, body: "" }));
      }
    });

    describe("paths", () => {
      const link = (path: string): string => `<a href="${path}">Moved Permanently</a>.\n\n`;
      for (const route of routes.filter(({ argument }) => argument !== "none")) {
        it(`${route.path.slice(0, -1)} is sent to ${route.path}`, async () => {
          const path = route.path.slice(0, -1);
          const get = await clients.stranger.send({ method: "GET", path: `${path}?a=1&b=<` });
          expect([get.status, get.headers.location]).to.deep.equal([301, `${route.path}?a=1&b=<`]);
          expect(get.body).to.equal(link(`${route.path}?a=1&amp;b=&lt;`));
          expect(get.headers["content-type"]).to.equal("text/html; charset=utf-8");
          const head = await clients.stranger.send({ method: "HEAD", path });
          expect([head.status, head.headers.location, head.body]).to.deep.equal([301, route.path, ""]);
          expect(head.headers["content-type"]).to.equal("text/html; charset=utf-8");
          for (const method of ["PUT", "POST", "DELETE", "OPTIONS"]) {
            const other = await clients.stranger.send({ method, path });
            expect([other.status, other.headers.location, other.body]).to.deep.equal([301, route.path, ""]);
            expect(other.headers).not.to.have.property("content-type");
            expect(other.headers["content-length"]).to.equal("0");
          }
        });
      }
      const unknown = [
        "/v1",
        "/v1/",
        "/v1/key",
        "/v1/key/",
        "/v1/nope",
        "/v1/status/",
        "/version/",
        "/v2/status",
      ];
      for (const path of unknown) {
        it(`${path} is 404 in plain text`, async () => {
          for (const method of ["GET", "PUT"]) {
            const answer = await clients.admin.send({ method, path });
            expect([answer.status, answer.body]).to.deep.equal([404, "404 page not found\n"]);
            expect(answer.headers["content-type"]).to.equal("text/plain; charset=utf-8");
            expect(answer.headers["x-content-type-options"]).to.equal("nosniff");
          }
        });
      }
      const removed = [
        "POST /v1/policy/write/my-app",
        "POST /v1/policy/assign/my-app",
        "DELETE /v1/policy/delete/my-app",
        "PUT /v1/identity/create/x",
        "DELETE /v1/identity/forget/x",
        "PUT /v1/enclave/create/x",
        "GET /v1/secret/read/x",
        "POST /v1/sys/seal",
        "GET /v1/cluster/describe",
      ];
      for (const line of removed) {
        it(`${line} is 501`, () =>
          check({ request: ask(line), status: 501, body: error("not implemented") }));
      }
    });

    describe("bodies", () => {
      const LIMIT = 1_000_000;
      const padded = (size: number): string => `{}${" ".repeat(size - 2)}`;
      for (const framing of ["length", "unknown"] as const) {
        it(`of ${LIMIT} bytes are read (${framing})`, () =>
          check({
            request: ask("PUT /v1/key/hmac/counting", padded(LIMIT), framing),
            status: 200,
            body: '{"hmac":"9JJAt4qpDlP0YQbDSB43fhlpbndzKLHNbsYGGgvYaKk="}\n',
          }));
        it(`S16 #16: one byte more is 413 in JSON (${framing})`, () =>
          check({
            request: ask("PUT /v1/key/hmac/counting", padded(LIMIT + 1), framing),
            status: 413,
            body: error("request body is too large: the limit is 1000000 bytes"),
          }));
      }
      it("that are too large, forty of them, do not spoil the connection for others", async () => {
        for (let i = 0; i < 40; i++) {
          const answer = await clients.admin.send(ask("PUT /v1/key/hmac/counting", padded(1_400_000)));
          expect(answer.status).to.equal(413);
        }
        await check({ request: ask("GET /v1/ready"), status: 200, body: "" });
      });
      it("of any Content-Type are JSON", () =>
        check({
          request: { ...ask("PUT /v1/key/hmac/counting", "{}"), headers: { "content-type": "text/plain" } },
          status: 200,
          body: '{"hmac":"9JJAt4qpDlP0YQbDSB43fhlpbndzKLHNbsYGGgvYaKk="}\n',
        }));
    });
  });

  describe(`API over ${protocol}, with a keystore that fails`, () => {
    const keystore = new FaultyKeystore(new MemoryKeystore());
    let server: TestServer;
    let admin: ApiClient;

    before(async () => {
      server = await startTestServer({ keystore });
      admin = new ApiClient(protocol, server.port, server.admin);
    });
    beforeEach(() => {
      keystore.script = [];
    });
    after(async () => {
      admin.close();
      await server.close();
    });

    const fail = (method: Rule["method"], code: "KEYSTORE_UNAVAILABLE" | "KEYSTORE_UNREACHABLE"): Rule => ({
      method,
      fault: { kind: "fail", code },
    });
    const uncertain = (method: "create" | "delete"): Rule => ({
      method,
      fault: { kind: "uncertain", done: true },
    });
    const key = b64("k".repeat(32));
    const HELP = "the key store did not confirm it, the key may or may not exist";

    const rows: readonly (readonly [
      line: string,
      body: string | undefined,
      script: Rule[],
      status: number,
      message: string,
    ])[] = [
      [
        "PUT /v1/key/create/a",
        undefined,
        [fail("create", "KEYSTORE_UNAVAILABLE")],
        502,
        "failed to create key",
      ],
      [
        "PUT /v1/key/import/b",
        JSON.stringify({ key, cipher: "AES256" }),
        [fail("create", "KEYSTORE_UNREACHABLE")],
        502,
        "failed to create key",
      ],
      [
        "PUT /v1/key/create/c",
        undefined,
        [uncertain("create"), fail("get", "KEYSTORE_UNREACHABLE")],
        504,
        `failed to create key: ${HELP}`,
      ],
      ["GET /v1/key/describe/d", undefined, [fail("get", "KEYSTORE_UNAVAILABLE")], 502, "failed to read key"],
      ["PUT /v1/key/generate/e", undefined, [fail("get", "KEYSTORE_UNREACHABLE")], 502, "failed to read key"],
      ["PUT /v1/key/encrypt/f", "{}", [fail("get", "KEYSTORE_UNAVAILABLE")], 502, "failed to read key"],
      ["PUT /v1/key/decrypt/g", "{}", [fail("get", "KEYSTORE_UNAVAILABLE")], 502, "failed to read key"],
      ["PUT /v1/key/hmac/h", "{}", [fail("get", "KEYSTORE_UNAVAILABLE")], 502, "failed to read key"],
      [
        "PUT /v1/key/bulk/decrypt/i",
        "[{}]",
        [fail("get", "KEYSTORE_UNAVAILABLE")],
        502,
        "failed to read key",
      ],
      [
        "DELETE /v1/key/delete/j",
        undefined,
        [fail("delete", "KEYSTORE_UNAVAILABLE")],
        502,
        "failed to delete key",
      ],
      [
        "DELETE /v1/key/delete/k",
        undefined,
        [uncertain("delete"), fail("get", "KEYSTORE_UNREACHABLE")],
        504,
        `failed to delete key: ${HELP}`,
      ],
      [
        "GET /v1/ready",
        undefined,
        [fail("status", "KEYSTORE_UNREACHABLE")],
        504,
        "key store is not reachable",
      ],
      ["GET /v1/ready", undefined, [fail("status", "KEYSTORE_UNAVAILABLE")], 502, "key store is unavailable"],
    ];
    for (const [line, body, script, status, message] of rows) {
      it(`${line}: ${status} ${message}`, async () => {
        const [method = "", path = ""] = line.split(" ");
        // Delete reports a missing key before anything else, so there must be one.
        if (method === "DELETE") await keystore.create(named(path.slice(-1)), Buffer.from(ZERO_KEY));
        keystore.script = script;
        const answer = await admin.send({ method, path, ...(body === undefined ? {} : { body }) });
        expect([answer.status, answer.body]).to.deep.equal([status, error(message)]);
        expect(server.stderr().split("\n").at(-2)).to.match(
          path === "/v1/ready" ? / level=WARN / : / level=ERROR /,
        );
      });
    }

    it("S16 #10: a listing that fails is one error and counts as one", async () => {
      keystore.script = [fail("list", "KEYSTORE_UNAVAILABLE")];
      const answer = await admin.send({ method: "GET", path: "/v1/key/list/" });
      expect([answer.status, answer.body]).to.deep.equal([502, error("failed to list keys")]);
      const { body } = await admin.send({ method: "GET", path: "/v1/metrics" });
      expect(body).to.match(/^kes_http_request_failure\{code="502"\} \d+$/m);
      expect(body).not.to.match(/^kes_http_request_success\{/m);
    });

    it("S16 #6: an unreachable keystore is unavailable as well", async () => {
      keystore.script = [fail("status", "KEYSTORE_UNREACHABLE")];
      const status = async (): Promise<Record<string, unknown>> =>
        (await admin.ok("GET", "/v1/status")) as Record<string, unknown>;
      expect(await status()).to.deep.include({ keystore_unreachable: true, keystore_unavailable: true });
      expect(await status()).not.to.have.property("keystore_latency");
      keystore.script = [fail("status", "KEYSTORE_UNAVAILABLE")];
      const broken = await status();
      expect(broken).to.have.property("keystore_unavailable", true);
      expect(broken).not.to.have.any.keys("keystore_unreachable", "keystore_latency");
      keystore.script = [];
      expect(await status()).not.to.have.any.keys("keystore_unreachable", "keystore_unavailable");
    });

    it("S16 #15: refused requests are counted", async () => {
      const metrics = async (): Promise<number> => {
        const { body } = await admin.send({ method: "GET", path: "/v1/metrics" });
        return Number(/^kes_http_request_error\{code="403"\} (\d+)$/m.exec(body)?.[1] ?? 0);
      };
      const before = await metrics();
      const nobody = new ApiClient(protocol, server.port, stranger);
      for (let i = 0; i < 3; i++) await nobody.send({ method: "GET", path: "/v1/key/list/" });
      nobody.close();
      expect((await metrics()) - before).to.equal(3);
    });
  });
}

describe("API, the reference's worked exchanges (§18)", () => {
  let server: TestServer;
  let socket: TLSSocket;
  before(async () => {
    server = await startTestServer();
    socket = await connectTls(server.port, server.admin, { ALPNProtocols: ["http/1.1"] });
  });
  after(async () => {
    socket.destroy();
    await server.close();
  });

  // One connection for all, as Go's client keeps it.
  const exchange = (lines: readonly string[]): Promise<RawAnswer> => {
    socket.write(lines.join("\r\n"));
    return readAnswer(socket);
  };
  const usual = ["Host: 127.0.0.1:7373", "User-Agent: Go-http-client/1.1", "Accept-Encoding: gzip"];

  it("key creation", async () => {
    const created = await exchange([
      "POST /v1/key/create/my-key HTTP/1.1",
      ...usual,
      "Content-Length: 0",
      "",
      "",
    ]);
    expect(created.head).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(created.headers.get("content-length")).to.deep.equal(["0"]);
    expect(created.headers.get("connection")).to.deep.equal(["keep-alive"]);
    for (const name of ["content-type", "transfer-encoding", "server"])
      expect(created.headers.has(name), name).to.equal(false);
  });

  it("data key generation, chunked", async () => {
    const head = ["POST /v1/key/generate/my-key HTTP/1.1", ...usual, "Transfer-Encoding: chunked"];
    const body = ["22", '{"context":"eyJidWNrZXQiOiJiIn0="}', "0", "", ""];
    const made = await exchange([...head, "Content-Type: application/json", "", ...body]);
    expect(made.head).to.match(/^HTTP\/1\.1 200 OK\r\n/);
    expect(made.headers.get("content-type")).to.deep.equal(["application/json"]);
    expect(made.headers.get("content-length")).to.deep.equal(["181"]);
    expect(made.body.toString()).to.match(/^\{"plaintext":"[^"]{44}","ciphertext":"[^"]{104}"\}\n$/);
  });

  const errors: readonly (readonly [line: string, body: string, status: number, answer: string])[] = [
    ["GET /v1/key/create/my-key", "", 405, error("received method 'GET' expected 'PUT'")],
    ["POST /v1/key/create/my.key", "", 400, error(`key name 'my.key' ${NAME_FAULT}`)],
    ["POST /v1/key/create/my-key", "", 400, error("key already exists")],
    ["PUT /v1/key/encrypt/nope", '{"plaintext":"AA=="}', 404, error("key does not exist")],
    ["PUT /v1/key/encrypt/my-key", '{"plaintext":"__8="}', 400, error("invalid request body")],
    ["PUT /v1/key/decrypt/my-key", "{}", 400, error("decryption failed: ciphertext is not authentic")],
    ["GET /v1/nope", "", 404, "404 page not found\n"],
  ];
  for (const [line, body, status, answer] of errors) {
    it(`${line}${body && ` ${body}`}: ${status}`, async () => {
      const got = await exchange([`${line} HTTP/1.1`, ...usual, `Content-Length: ${body.length}`, "", body]);
      expect([got.status, got.body.toString()]).to.deep.equal([status, answer]);
    });
  }
});

describe("API, with an admin that is switched off", () => {
  it("S16 #25: a placeholder admin is in no listing, and times are UTC", async () => {
    const reader = selfSigned();
    const server = await startTestServer({
      policies: { reader: { allow: ["*"], identities: [reader.identity] } },
      config: { admin: { text: "disabled" } },
    });
    const client = new ApiClient("h2", server.port, reader);
    try {
      expect(await client.ok("GET", "/v1/identity/list/")).to.deep.equal({
        identities: [reader.identity],
        continue_at: "",
      });
      const policy = (await client.ok("GET", "/v1/policy/describe/reader")) as Record<string, unknown>;
      expect(policy.created_at).to.match(TIME);
      const answer = await client.send({ method: "GET", path: "/v1/identity/describe/disabled" });
      expect([answer.status, answer.body]).to.deep.equal([404, error("identity does not exist")]);
    } finally {
      client.close();
      await server.close();
    }
  });
});
