import { createHmac, randomBytes } from "node:crypto";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { routes } from "../../src/api/routes.js";
import { ApiKey, type AuditEvent, type ErrorCode, isKesError, KesClient } from "../../src/client/index.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { named } from "../support/keystore.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const appKey = ApiKey.generate(randomBytes);
const nobodyKey = ApiKey.generate(randomBytes);
const policies = {
  app: {
    allow: ["/v1/key/generate/app-*", "/v1/key/create/app-*"],
    deny: ["/v1/key/create/app-secret"],
    identities: [appKey.identity],
  },
};

async function codeOf(call: Promise<unknown>): Promise<ErrorCode | "resolved"> {
  return call.then(
    () => "resolved" as const,
    (error: unknown) => {
      if (isKesError(error)) return error.code;
      throw error;
    },
  );
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("the SDK against a server", () => {
  let server: TestServer;
  let admin: KesClient;
  let app: KesClient;
  let nobody: KesClient;

  before(async () => {
    server = await startTestServer({ policies });
    const { url: endpoints, ca } = server;
    admin = new KesClient({
      endpoints,
      ca: ca.certPem,
      certificate: server.admin.certPem,
      key: server.admin.keyPem,
    });
    app = new KesClient({ endpoints, ca: ca.certPem, apiKey: appKey });
    nobody = new KesClient({ endpoints, ca: ca.certPem, apiKey: nobodyKey.toString() });
    await admin.createKey("main");
  });
  after(async () => {
    await Promise.all([admin, app, nobody].map((client) => client.close()));
    await server.close();
  });

  it("knows who it is", async () => {
    expect(app.identity).to.equal(appKey.identity);
    expect((await app.describeSelf()).identity).to.equal(appKey.identity);
    expect((await admin.describeSelf()).identity).to.equal(server.admin.identity);
  });

  it("asks for version, readiness, status, routes", async () => {
    expect(await nobody.version()).to.deep.equal({ version: "0.0.0-test", commit: "0".repeat(40) });
    await admin.ready();
    const status = await admin.status();
    expect(status).to.include({
      version: "0.0.0-test",
      endpoint: server.url,
      keystoreUnreachable: false,
      keystoreUnavailable: false,
      keystoreLatencyMs: 1,
    });
    expect(status.latencyMs).to.be.greaterThan(0);
    expect(status.heapUsedBytes).to.be.greaterThan(1e6);
    const apis = await admin.apis();
    expect(apis.map(({ method, path }) => `${method} ${path}`).sort()).to.deep.equal(
      routes.map(({ method, path }) => `${method} ${path}`).sort(),
    );
  });

  it("counts what it did", async () => {
    const before = await admin.metrics();
    await admin.generateKey("main");
    await codeOf(admin.generateKey("missing"));
    const after = await admin.metrics();
    expect(after.requestsSucceeded).to.equal(before.requestsSucceeded + 1);
    expect(after.requestsErred).to.equal(before.requestsErred + 1);
    expect(after.responseTimes.at(-1)?.upToNs).to.equal(Number.POSITIVE_INFINITY);
    expect(after.responseTimes.at(-1)?.count).to.be.greaterThan(before.responseTimes.at(-1)?.count ?? 0);
    expect(after.samples.get("kes_system_num_cpu")).to.equal(after.cpus);
  });

  it("creates, describes and deletes keys", async () => {
    await admin.createKey("short-lived");
    expect(await codeOf(admin.createKey("short-lived"))).to.equal("KEY_EXISTS");
    const info = await admin.describeKey("short-lived");
    expect(info).to.include({ name: "short-lived", algorithm: "AES256", createdBy: server.admin.identity });
    expect(Math.abs(Date.parse(info.createdAt) - Date.now())).to.be.below(60_000);
    await admin.deleteKey("short-lived");
    expect(await codeOf(admin.describeKey("short-lived"))).to.equal("KEY_NOT_FOUND");
    expect(await codeOf(admin.deleteKey("short-lived"))).to.equal("KEY_NOT_FOUND");
  });

  it("imports keys", async () => {
    const hmacKey = randomBytes(32);
    await admin.importKey("imported", { key: randomBytes(32), hmacKey, algorithm: "ChaCha20" });
    expect((await admin.describeKey("imported")).algorithm).to.equal("ChaCha20");
    const expected = createHmac("sha256", hmacKey).update("message").digest();
    expect((await admin.hmac("imported", Buffer.from("message"))).equals(expected)).to.equal(true);
    expect(await codeOf(admin.importKey("imported", { key: randomBytes(32) }))).to.equal("KEY_EXISTS");
  });

  for (const [what, context, other] of [
    ["no context", undefined, { a: "b" }],
    ["an empty context", new Uint8Array(), { a: "b" }],
    ["bytes", Buffer.from([0, 255]), Buffer.from([0])],
    ["an object", { bucket: "bucket/<o>\u{1f600}" }, { bucket: "bucket/o" }],
  ] as const) {
    it(`binds what it encrypts to ${what}`, async () => {
      const bound = context === undefined ? {} : { context };
      const dek = await admin.generateKey("main", bound);
      expect(dek.plaintext.length).to.equal(32);
      expect((await admin.decrypt("main", dek.ciphertext, bound)).equals(dek.plaintext)).to.equal(true);
      const ciphertext = await admin.encrypt("main", Buffer.from("hello"), bound);
      expect(String(await admin.decrypt("main", ciphertext, bound))).to.equal("hello");
      expect(await codeOf(admin.decrypt("main", ciphertext, { context: other }))).to.equal("DECRYPT_FAILED");
    });
  }

  it("encrypts nothing and much", async () => {
    for (const size of [0, 1, 700_000]) {
      const plaintext = randomBytes(size);
      const ciphertext = await admin.encrypt("main", plaintext);
      expect((await admin.decrypt("main", ciphertext)).equals(plaintext), String(size)).to.equal(true);
    }
    expect(await codeOf(admin.encrypt("main", Buffer.alloc(750_000)))).to.equal("BODY_TOO_LARGE");
  });

  it("generates and decrypts in bulk", async () => {
    const contexts = Array.from({ length: 1500 }, (_, i) => (i % 3 === 0 ? undefined : { i: String(i) }));
    const deks = await admin.bulkGenerate("main", contexts);
    const sealed = deks.map(({ ciphertext }, i) => {
      const context = contexts[i];
      return context === undefined ? { ciphertext } : { ciphertext, context };
    });
    const opened = await admin.bulkDecrypt("main", sealed);
    expect(opened.map((plaintext, i) => deks[i]?.plaintext.equals(plaintext))).to.not.include(false);
    expect(opened.length).to.equal(1500);
    expect(await codeOf(admin.bulkDecrypt("main", [{ ciphertext: Buffer.alloc(76) }]))).to.equal(
      "DECRYPT_FAILED",
    );
  });

  it("decrypts in bulk what can be decrypted, where that is wanted", async () => {
    const [first, last] = await admin.bulkGenerate("main", [{ i: "1" }, undefined]);
    if (first === undefined || last === undefined) throw new Error("no data keys");
    const sealed = [
      { ciphertext: first.ciphertext, context: { i: "1" } },
      { ciphertext: first.ciphertext, context: { i: "2" } },
      { ciphertext: Buffer.alloc(76) },
      { ciphertext: last.ciphertext },
    ];
    const [a, b, c, d] = await admin.bulkDecrypt("main", sealed, { partial: true });
    expect([a, d]).to.deep.equal([first.plaintext, last.plaintext]);
    for (const failure of [b, c]) expect(failure).to.include({ code: "DECRYPT_FAILED" });
    expect(await codeOf(admin.bulkDecrypt("none", sealed, { partial: true }))).to.equal("KEY_NOT_FOUND");
  });

  it("lists policies and identities, and reads them", async () => {
    expect(await all(admin.listPolicies())).to.deep.equal(["app"]);
    expect(await all(admin.listPolicies({ prefix: "b" }))).to.deep.equal([]);
    const both = [server.admin.identity, appKey.identity].sort();
    expect((await all(admin.listIdentities())).sort()).to.deep.equal(both);
    expect(await all(admin.listIdentities({ prefix: appKey.identity.slice(0, 12) }))).to.deep.equal([
      appKey.identity,
    ]);
    const policy = await admin.readPolicy("app");
    const { allow, deny } = policies.app;
    expect(policy).to.deep.include({
      name: "app",
      allow: [...allow].sort(),
      deny,
      createdBy: server.admin.identity,
    });
    expect(await admin.describePolicy("app")).to.deep.equal({
      name: "app",
      createdAt: policy.createdAt,
      createdBy: policy.createdBy,
    });
    expect(await admin.describeIdentity(appKey.identity)).to.include({ isAdmin: false, policy: "app" });
    expect(await admin.describeIdentity(server.admin.identity)).to.include({ isAdmin: true });
    expect(await app.describeSelf()).to.deep.include({ policy: "app", isAdmin: false, deny });
    expect(await codeOf(admin.readPolicy("missing"))).to.equal("POLICY_NOT_FOUND");
    expect(await codeOf(admin.describeIdentity("0".repeat(64)))).to.equal("IDENTITY_NOT_FOUND");
    expect(await codeOf(nobody.describeSelf())).to.equal("IDENTITY_NOT_FOUND");
  });

  it("is told what it may not do", async () => {
    await app.createKey("app-key");
    expect(await codeOf(app.createKey("app-secret"))).to.equal("NOT_AUTHORIZED");
    expect(await codeOf(app.describeKey("app-key"))).to.equal("NOT_AUTHORIZED");
    expect(await codeOf(nobody.status())).to.equal("NOT_AUTHORIZED");
    expect(await codeOf(all(app.listKeys()))).to.equal("NOT_AUTHORIZED");
  });

  it("follows the audit log", async () => {
    const events: AuditEvent[] = [];
    const abort = new AbortController();
    const log = admin.auditLog({
      signal: abort.signal,
      onConnect: () => void nobody.status().catch(() => undefined),
    });
    for await (const event of log) {
      if (event.request.identity !== nobodyKey.identity) continue;
      events.push(event);
      abort.abort();
    }
    expect(
      events.map(({ request, response }) => [request.path, request.method, response.code]),
    ).to.deep.equal([["/v1/status", "GET", 403]]);
    expect(events[0]?.response.timeNs).to.be.within(1, 20e9);
  });

  it("follows the error log", async () => {
    for await (const { message } of admin.errorLog({
      onConnect: () => server.server.errorLog.info("hello there"),
    })) {
      expect(message).to.include("hello there");
      break;
    }
  });

  it("ends a call when it is aborted or out of time", async () => {
    const reason = new Error("enough");
    const failure = await admin
      .status({ signal: AbortSignal.abort(reason) })
      .catch((error: unknown) => error);
    expect(failure).to.equal(reason);
  });

  it("ends log streams when it is closed, and takes no calls any more", async () => {
    const client = new KesClient({
      endpoints: server.url,
      ca: server.ca.certPem,
      certificate: server.admin.certPem,
      key: server.admin.keyPem,
    });
    let isFirst = true;
    for await (const _ of client.auditLog({ onConnect: () => void admin.describeKey("main") })) {
      if (!isFirst) throw new Error("the stream goes on");
      isFirst = false;
      await client.close();
    }
    expect(await codeOf(client.status())).to.equal("CLIENT_CLOSED");
  });
});

describe("the SDK and many keys", () => {
  it("lists every page", async () => {
    const keystore = new MemoryKeystore();
    const names = Array.from({ length: 2500 }, (_, i) => `k-${String(i).padStart(5, "0")}`);
    for (const name of names) await keystore.create(named(name), Buffer.from("a listing reads no values"));
    const server = await startTestServer({ keystore });
    const client = new KesClient({
      endpoints: server.url,
      ca: server.ca.certPem,
      certificate: server.admin.certPem,
      key: server.admin.keyPem,
    });
    try {
      expect(await all(client.listKeys())).to.deep.equal(names);
      expect(await all(client.listKeys({ prefix: "k-" }))).to.deep.equal(names);
      expect(await all(client.listKeys({ prefix: "k-01" }))).to.deep.equal(names.slice(1000, 2000));
      expect(await all(client.listKeys({ prefix: "none" }))).to.deep.equal([]);
    } finally {
      await client.close();
      await server.close();
    }
  });
});

describe("the SDK and an outage of the keystore", () => {
  it("tells it as such, never as a missing key", async () => {
    const keystore = new FaultyKeystore(new MemoryKeystore());
    const server = await startTestServer({ keystore });
    const client = new KesClient({
      endpoints: server.url,
      ca: server.ca.certPem,
      certificate: server.admin.certPem,
      key: server.admin.keyPem,
      timeoutMs: 10_000,
    });
    try {
      const methods = ["status", "create", "get", "list"] as const;
      keystore.script = methods.map((method) => ({
        method,
        fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" },
      }));
      expect(await codeOf(client.ready())).to.equal("KEYSTORE_UNREACHABLE");
      expect(await client.status()).to.include({ keystoreUnreachable: true, keystoreUnavailable: true });
      expect(await codeOf(client.generateKey("missing"))).to.equal("KEY_READ_FAILED");
      expect(await codeOf(client.createKey("new"))).to.be.oneOf([
        "KEY_CREATE_FAILED",
        "KEY_CREATE_UNCERTAIN",
      ]);
      expect(await codeOf(all(client.listKeys()))).to.equal("KEY_LIST_FAILED");
    } finally {
      await client.close();
      await server.close();
    }
  });
});
