import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as turn } from "node:timers/promises";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { KesError } from "../../src/errors.js";
import { ApiClient, type ApiRequest } from "../support/api-client.js";
import { selfSigned } from "../support/certificates.js";
import { type RunResult, run } from "../support/child-process.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { named } from "../support/keystore.js";
import { LogFollower } from "../support/log-follower.js";
import { kesProgram } from "../support/started-site.js";
import { startTestServer, type TestServer, type TestServerOptions } from "../support/test-server.js";

const app = selfSigned({ cn: "app" });
const reader = selfSigned({ cn: "reader" });
const denied = selfSigned({ cn: "denied" });
const policies = {
  app: { allow: ["/v1/key/create/my*"], identities: [app.identity] },
  reader: { allow: ["/v1/log/*"], identities: [reader.identity] },
  denied: { allow: ["*"], deny: ["/v1/log/audit"], identities: [denied.identity] },
};
/** Above every level there is: nothing goes to the console. */
const OFF = { errorLevel: 9, auditLevel: 9, format: "text" } as const;

for (const protocol of ["h1", "h2"] as const) {
  describe(`logs over ${protocol}`, () => {
    const open: { close(): unknown }[] = [];
    afterEach(async () => {
      for (const each of open.splice(0).reverse()) await each.close();
    });
    const start = async (options: TestServerOptions = {}): Promise<TestServer> => {
      const server = await startTestServer({ policies, ...options });
      open.push(server);
      return server;
    };
    const follow = async (server: TestServer, path: string, who = server.admin): Promise<LogFollower> => {
      const follower = await LogFollower.open(protocol, server.port, who, path);
      open.push(follower);
      return follower;
    };
    const client = (server: TestServer, who = server.admin): ApiClient => {
      const made = new ApiClient(protocol, server.port, who);
      open.push(made);
      return made;
    };

    for (const path of ["/v1/log/error", "/v1/log/error/trace"]) {
      it(`S16 #3: ${path} sends its headers at once, and lines as they happen`, async () => {
        const server = await start();
        // Nothing happens in the error log meanwhile: only headers sent by themselves get here.
        const follower = await follow(server, path);
        expect(follower.status).to.equal(200);
        expect(follower.headers).to.include({ "content-type": "application/x-ndjson" });
        expect(follower.headers).not.to.have.any.keys("content-length", "content-encoding");
        expect(follower.lines).to.deep.equal([]);
        for (const word of ["first", "second"]) {
          server.server.errorLog.info(word);
          const line = await follower.line((each) => each.includes(word));
          expect(JSON.parse(line)).to.have.all.keys("message");
          expect(JSON.parse(line).message).to.match(new RegExp(`^time=\\S+ level=INFO msg=${word}$`));
        }
      });
    }

    for (const path of ["/v1/log/audit", "/v1/log/audit/trace"]) {
      it(`S16 #3: ${path} sends each request when it was answered, its own first`, async () => {
        const server = await start();
        const follower = await follow(server, path);
        await follower.line((line) => line.includes(path));
        await client(server).ok("GET", "/v1/ready");
        await follower.line((line) => line.includes("/v1/ready"));
        expect(follower.lines).to.have.length(2);
      });
    }

    it("S16 #4: every request leaves one audit record, refused ones with their real status", async () => {
      const server = await start();
      const follower = await follow(server, "/v1/log/audit", reader);
      const rows: readonly (readonly [who: ApiClient, line: string, status: number, identity: string])[] = [
        [client(server, app), "PUT /v1/key/create/my-key", 200, app.identity],
        [client(server, app), "POST /v1/key/create/my-key", 400, app.identity],
        [client(server, app), "DELETE /v1/key/delete/my-key", 403, app.identity],
        [client(server, app), "PUT /v1/key/create/my.key", 400, app.identity],
        [client(server, app), "GET /v1/key/create/my-key", 405, app.identity],
        [client(server), "GET /v1/key/describe/none", 404, server.admin.identity],
        [client(server), "GET /v1/nope", 404, server.admin.identity],
        [client(server), "GET /v1/key/list", 301, server.admin.identity],
        [client(server), "PUT /v1/enclave/create/x", 501, server.admin.identity],
        [client(server), "GET /version", 200, server.admin.identity],
        [client(server), "GET /v1/metrics", 200, server.admin.identity],
        [client(server), "DELETE /v1/key/delete/my-key", 200, server.admin.identity],
      ];
      for (const [who, request, status, identity] of rows) {
        const [method = "", path = ""] = request.split(" ");
        const answer = await who.send({ method, path });
        expect(answer.status, request).to.equal(status);
        const id = String(answer.headers["x-request-id"]);
        const record = JSON.parse(await follower.line((line) => line.includes(id)));
        expect(Object.keys(record)).to.deep.equal(["time", "request", "response"]);
        expect(record.time).to.match(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/);
        expect(record.request).to.deep.equal({ ip: "127.0.0.1", path, identity, id, method });
        expect(record.response.code).to.equal(status);
        // Nanoseconds: nothing takes less than a microsecond or more than ten seconds.
        expect(record.response.time).to.be.within(1_000, 10_000_000_000);
        // The console has the same, and no record was made twice.
        expect(
          server
            .stdout()
            .split("\n")
            .filter((line) => line.includes(id)),
        ).to.have.length(1);
        expect(follower.lines.filter((line) => line.includes(id))).to.have.length(1);
      }
      expect(server.stdout()).to.match(/msg="secret key 'my-key' created" req\.method=PUT /);
      expect(server.stdout()).to.match(/msg="secret key 'my-key' deleted" req\.method=DELETE /);
      expect(server.stdout()).to.match(
        /req\.method=POST req\.path=\/v1\/key\/create\/my-key .*res\.code=400 /,
      );
    });

    it("an audited path is the decoded one", async () => {
      const server = await start();
      const follower = await follow(server, "/v1/log/audit");
      await client(server).send({ method: "GET", path: "/v1/key/describe/%61b%2Fc" });
      const line = await follower.line((each) => each.includes("describe"));
      expect(JSON.parse(line).request.path).to.equal("/v1/key/describe/ab/c");
    });

    it("the request id of a failure is in the answer, the audit record and the error log", async () => {
      const keystore = new FaultyKeystore(new MemoryKeystore(), [
        { method: "list", fault: { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } },
      ]);
      const server = await start({ keystore });
      const [audit, errors] = [await follow(server, "/v1/log/audit"), await follow(server, "/v1/log/error")];
      const admin = client(server);
      const requests: readonly ApiRequest[] = [
        { method: "GET", path: "/v1/key/list/" },
        { method: "PUT", path: "/v1/key/encrypt/x", body: "junk" },
      ];
      for (const request of requests) {
        const id = String((await admin.send(request)).headers["x-request-id"]);
        await audit.line((line) => line.includes(`"id":"${id}"`));
        const line = await errors.line((each) => each.includes(`req.id=${id}`));
        expect(JSON.parse(line).message)
          .to.include(`level=ERROR`)
          .and.to.include(`req.path=${request.path} `);
        expect(server.stderr()).to.include(`req.id=${id}\n`);
      }
    });

    it("S16 #14: what is off on the console is on the streams all the same", async () => {
      const server = await start({ config: { log: OFF } });
      const [audit, errors] = [await follow(server, "/v1/log/audit"), await follow(server, "/v1/log/error")];
      await client(server).send({ method: "PUT", path: "/v1/key/encrypt/x", body: "junk" });
      await audit.line((line) => line.includes("/v1/key/encrypt/x"));
      await errors.line((line) => line.includes("invalid request body"));
      expect([server.stdout(), server.stderr()]).to.deep.equal(["", ""]);
    });

    it("S16 #14: refusals are no errors, and in the log only at DEBUG", async () => {
      const server = await start();
      const refuse = (): Promise<unknown> =>
        client(server, app).send({ method: "GET", path: "/v1/key/describe/x" });
      await refuse();
      expect(server.stderr()).not.to.include("access denied");
      const debug = await start({ config: { log: { errorLevel: -4, auditLevel: 9, format: "text" } } });
      await client(debug, app).send({ method: "GET", path: "/v1/key/describe/x" });
      expect(debug.stderr()).to.match(/level=DEBUG msg="access denied: rejected by policy 'app'" /);
      await client(debug, selfSigned()).send({ method: "GET", path: "/v1/key/describe/x" });
      expect(debug.stderr()).to.match(/level=DEBUG msg="access denied: identity not found" /);
      expect(debug.stdout()).to.equal("");
    });

    it("S16 #15: events are counted whoever listens", async () => {
      const server = await start({ config: { log: OFF } });
      const admin = client(server);
      for (let i = 0; i < 3; i++)
        await admin.send({ method: "PUT", path: "/v1/key/encrypt/x", body: "junk" });
      const { body } = await admin.send({ method: "GET", path: "/v1/metrics" });
      expect(body)
        .to.match(/^kes_log_audit_events 3$/m)
        .and.to.match(/^kes_log_error_events 3$/m);
    });

    it("a policy that denies a stream denies its older path", async () => {
      const server = await start();
      for (const [path, status] of [
        ["/v1/log/audit", 403],
        ["/v1/log/audit/trace", 403],
        ["/v1/log/error", 200],
        ["/v1/log/error/trace", 200],
      ] as const)
        expect((await follow(server, path, denied)).status, path).to.equal(status);
    });

    it("a follower that is too slow is dropped with a note, and slows nobody", async () => {
      const server = await start({ config: { log: OFF } });
      const [slow, quick] = [await follow(server, "/v1/log/error"), await follow(server, "/v1/log/error")];
      const { errorLog } = server.server;
      slow.pause();
      // More than all buffers between here and there hold; the event loop turns, so that a quick reader keeps up.
      const filler = "x".repeat(16_000);
      let sent = 0;
      const admin = client(server);
      for (; sent < 2_000; sent++) {
        errorLog.info(`line ${sent} ${filler}`);
        await turn();
        if (sent % 200 === 0) await admin.ok("GET", "/v1/ready");
      }
      errorLog.info("the last line");
      await quick.line((line) => line.includes("the last line"));
      expect(quick.lines).to.have.length(sent + 1);
      slow.resume();
      await slow.ended();
      expect(slow.lines.length).to.be.within(2, sent - 1);
      // What it got is in order and without a gap, and the end says why it is the end.
      for (const [i, line] of slow.lines.slice(0, -1).entries()) expect(line).to.include(`line ${i} x`);
      expect(JSON.parse(slow.lines.at(-1) ?? "")).to.deep.equal({
        message: "too slow: the stream ended because lines were lost",
      });
    });

    it("a stream ends with the server, and at the deadline that the configuration sets", async () => {
      const server = await start({ api: new Map([["/v1/log/error", { skipAuth: false, timeoutMs: 50 }]]) });
      const [audit, errors] = [await follow(server, "/v1/log/audit"), await follow(server, "/v1/log/error")];
      await errors.ended();
      expect(errors.lines).to.deep.equal([]);
      await client(server).ok("GET", "/v1/ready");
      await audit.line((line) => line.includes("/v1/ready"));
      await server.close();
      await audit.ended();
    });
  });
}

describe("secrets in logs", () => {
  /** Bytes that may be found nowhere; each is long enough not to turn up by chance. */
  const marks = {
    key: Buffer.from("MARKED-KEY-BYTES-0123456789abcde"),
    plaintext: Buffer.from("MARKED-PLAINTEXT-of-a-caller"),
    context: Buffer.from("MARKED-CONTEXT-of-a-caller"),
    ciphertext: Buffer.from("MARKED-CIPHERTEXT-made-by-an-attacker-of-some-length"),
    message: Buffer.from("MARKED-MESSAGE-to-authenticate"),
    stored: Buffer.from("MARKED-VALUE-that-is-no-key"),
    header: Buffer.from("MARKED-HEADER-of-a-caller"),
  };
  const forms = (bytes: Buffer): string[] => {
    // The middle of the base64 form, whatever stands before and behind it.
    const middles = [0, 1, 2].map((skip) => bytes.subarray(skip).toString("base64").slice(0, -4));
    return [bytes.toString("latin1"), bytes.toString("hex"), ...middles];
  };

  it("are nowhere: not on the console, not on the streams, not in errors, not in metrics", async () => {
    const keystore = new FaultyKeystore(new MemoryKeystore());
    const server = await startTestServer({
      keystore,
      config: { log: { errorLevel: -4, auditLevel: 0, format: "text" } },
    });
    const answers: string[] = [];
    const followers: LogFollower[] = [];
    try {
      for (const path of ["/v1/log/audit", "/v1/log/error"])
        followers.push(await LogFollower.open("h2", server.port, server.admin, path));
      for (const protocol of ["h1", "h2"] as const) {
        const admin = new ApiClient(protocol, server.port, server.admin);
        const b64 = (name: keyof typeof marks): string => marks[name].toString("base64");
        const send = async (method: string, path: string, body?: unknown): Promise<string> => {
          const content =
            body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) };
          const headers = { authorization: marks.header.toString(), "x-api-key": b64("header") };
          const answer = await admin.send({ method, path, headers, ...content });
          // Successes hold what was asked for; failures must hold nothing.
          if (answer.status >= 400) answers.push(answer.body);
          return answer.body;
        };
        const key = `marked-${protocol}`;
        await send("PUT", `/v1/key/import/${key}`, { key: b64("key"), cipher: "AES256" });
        await send("PUT", `/v1/key/import/${key}`, { key: b64("key"), cipher: "AES256" });
        await send("PUT", "/v1/key/import/x", { key: b64("stored"), cipher: "AES256" });
        await send("PUT", "/v1/key/import/x", { key: `${b64("key")}!`, cipher: "AES256" });
        await send("PUT", "/v1/key/import/x", `{"key":"${b64("key")}`);
        const sealed = JSON.parse(
          await send("PUT", `/v1/key/encrypt/${key}`, {
            plaintext: b64("plaintext"),
            context: b64("context"),
          }),
        );
        const right = { ...sealed, context: b64("context") };
        expect(await send("PUT", `/v1/key/decrypt/${key}`, right)).to.include(b64("plaintext"));
        await send("PUT", `/v1/key/decrypt/${key}`, { ...sealed, context: b64("message") });
        await send("PUT", `/v1/key/decrypt/${key}`, {
          ciphertext: b64("ciphertext"),
          context: b64("context"),
        });
        await send("PUT", `/v1/key/bulk/decrypt/${key}`, [right, { ciphertext: b64("ciphertext") }]);
        await send("PUT", `/v1/key/hmac/${key}`, { message: b64("message") });
        await send("PUT", `/v1/key/generate/${key}`, { context: b64("context") });
        for (const what of ["encrypt", "decrypt", "generate", "hmac"]) {
          for (const mark of ["plaintext", "context", "ciphertext", "message"] as const) {
            for (const body of [
              `{"${mark}":"${b64(mark)}`,
              `{"${mark}":"${marks[mark]}"}`,
              `{"${mark}":${b64(mark)}}`,
              `{"${marks[mark]}`,
              `${marks[mark]}`,
              `{"context":[${[...marks[mark]].join(",")},256]}`,
              `{"x":"${b64(mark).repeat(40_000)}"}`,
            ])
              await send("PUT", `/v1/key/${what}/${key}`, body);
          }
        }
        // A keystore whose values are no keys, and whose errors quote them.
        const spoilt = `spoilt-${protocol}`;
        await keystore.create(named(spoilt), marks.stored);
        await send("GET", `/v1/key/describe/${spoilt}`);
        await keystore.create(
          named(`json-${protocol}`),
          Buffer.from(`{"bytes":"${b64("key")}","algorithm":"MARKED"`),
        );
        await send("GET", `/v1/key/describe/json-${protocol}`);
        keystore.script = [{ method: "get", name: key, fault: { kind: "lie", value: marks.stored } }];
        await send("DELETE", `/v1/key/delete/${key}`);
        await send("PUT", `/v1/key/import/${key}`, { key: b64("key"), cipher: "ChaCha20" });
        keystore.script = [];
        await send("GET", "/v1/key/describe/none");
        answers.push((await admin.send({ method: "GET", path: "/v1/metrics" })).body);
        admin.close();
      }
      const [audit] = followers;
      await audit?.line((line) => line.includes("/v1/metrics"));
      const outputs = {
        stdout: server.stdout(),
        stderr: server.stderr(),
        audit: followers[0]?.lines.join("\n") ?? "",
        error: followers[1]?.lines.join("\n") ?? "",
        answers: answers.join("\n"),
      };
      // There is something to search, in every place.
      for (const [where, text] of Object.entries(outputs)) expect(text.length, where).to.be.above(5_000);
      expect(answers.filter((text) => text.includes("failed to read key"))).not.to.have.length(0);
      for (const [where, text] of Object.entries(outputs)) {
        for (const [what, bytes] of Object.entries(marks))
          for (const form of forms(bytes))
            expect(text.includes(form), `${what} in ${where}: ${form}`).to.equal(false);
        expect(text, where).not.to.include("MARKED");
      }
    } finally {
      for (const follower of followers) follower.close();
      await server.close();
    }
  });

  it("a password and an API key of the configuration are told to nobody", async () => {
    const folder = await mkdtemp(join(tmpdir(), "keswick-secrets-"));
    try {
      const password = "MARKED-password-of-the-key";
      const certificate = selfSigned({ algorithm: "p256" });
      const apiKey = "kes:v1:AD9E7FSYWrMD+VjhI6q545cYT9YOyFxZb7UnjEepYDRc";
      const keyPem = certificate.key
        .export({ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: password })
        .toString();
      await writeFile(join(folder, "server.key"), keyPem, { mode: 0o600 });
      await writeFile(join(folder, "server.crt"), certificate.certPem);
      const check = async (tlsPassword: string, admin: string): Promise<RunResult> => {
        const lines = [
          `admin: { identity: "${admin}" }`,
          `tls: { key: server.key, cert: server.crt, password: "${tlsPassword}" }`,
          "keystore: { fs: { path: keys } }",
        ];
        await writeFile(join(folder, "kes.yml"), lines.join("\n"));
        return run([...kesProgram, "server", "--config", "kes.yml", "--check"], { cwd: folder });
      };
      const runs = {
        right: await check(password, apiKey),
        "wrong password": await check(`${password}-not`, apiKey),
        "broken API key": await check(password, apiKey.slice(0, -3)),
      };
      expect(Object.values(runs).map(({ code }) => code)).to.deep.equal([0, 1, 1]);
      for (const [what, { stdout, stderr }] of Object.entries(runs)) {
        expect((stdout + stderr).length, what).to.be.above(20);
        expect(stdout + stderr, what).not.to.match(/MARKED|AD9E7FSYWrMD/);
      }
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("a failure that nobody foresaw tells the caller nothing, and the log no stack", async () => {
    const inner = new MemoryKeystore();
    const keystore = new FaultyKeystore(inner);
    keystore.list = () => Promise.reject(new TypeError("MARKED cause, as an adapter may throw it"));
    const server = await startTestServer({ keystore });
    const admin = new ApiClient("h1", server.port, server.admin);
    try {
      const answer = await admin.send({ method: "GET", path: "/v1/key/list/" });
      expect(answer.status).to.equal(new KesError("KEY_LIST_FAILED").status);
      expect(answer.body).not.to.include("MARKED");
      expect(server.stderr()).to.include("MARKED cause");
      expect(server.stderr()).not.to.match(/ at .*\.ts:\d+/);
    } finally {
      await server.close();
    }
  });
});
