import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { expect } from "chai";
import { VaultTransitService } from "../../../../src/storage/keys/vault-transit.js";
import { FakeClock } from "../../../support/fake-transport.js";
import { fails } from "../sse/support.js";

interface Seen {
  readonly call: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}
type Answer = { readonly status?: number; readonly body?: object | string };

const context = { bucket: "bucket/object" };
const contextText = Buffer.from('{"bucket":"bucket/object"}').toString("base64");
const dek = Buffer.alloc(32, 3);
const generated = { data: { plaintext: dek.toString("base64"), ciphertext: "vault:v1:AAEC" } };
const login = (token: string, seconds = 1000) => ({ auth: { client_token: token, lease_duration: seconds } });

describe("Vault's transit engine", () => {
  let server: Server;
  let url: string;
  let clock: FakeClock;
  let seen: Seen[];
  let answers: (seen: Seen) => Answer;
  let keys: VaultTransitService;

  before(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const text = Buffer.concat(chunks).toString();
        const one = {
          call: `${request.method} ${request.url}`,
          headers: request.headers,
          body: text === "" ? undefined : JSON.parse(text),
        };
        seen.push(one);
        const { status = 200, body = {} } = answers(one);
        if (status === 0) request.socket.destroy();
        else response.writeHead(status).end(typeof body === "string" ? body : JSON.stringify(body));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    url = `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`;
  });

  after(() => {
    server.closeAllConnections();
    return new Promise<void>((resolve) => server.close(() => resolve()));
  });

  beforeEach(() => {
    clock = new FakeClock();
    seen = [];
    answers = ({ call }) => (call.includes("login") ? { body: login("token-1") } : { body: generated });
    const place = { endpoint: `${url}/proxied/`, namespace: "team" };
    keys = new VaultTransitService("my-key", place, { roleId: "role", secretId: "secret" }, clock);
  });

  afterEach(() => keys.close());

  const calls = (): string[] => seen.map(({ call }) => call.replace(/^(\w+) \/proxied\/v1\//, "$1 "));

  it("is asked by MinIO's calls, with token, namespace and context", async () => {
    expect(await keys.generate(undefined, context)).to.deep.equal({
      ...{ keyName: "my-key", plaintext: dek, ciphertext: Buffer.from("vault:v1:AAEC") },
    });
    expect(await keys.decrypt("other.key", Buffer.from("vault:v1:AAEC"), context)).to.deep.equal(dek);
    expect(calls()).to.deep.equal([
      "PUT auth/approle/login",
      "PUT transit/datakey/plaintext/my-key",
      "PUT transit/decrypt/other.key",
    ]);
    expect(seen.map(({ body }) => body)).to.deep.equal([
      { role_id: "role", secret_id: "secret" },
      { context: contextText },
      { ciphertext: "vault:v1:AAEC", context: contextText },
    ]);
    for (const { headers } of seen) expect(headers["x-vault-namespace"]).to.equal("team");
    expect(seen.map(({ headers }) => headers["x-vault-token"])).to.deep.equal([
      undefined,
      "token-1",
      "token-1",
    ]);
  });

  it("logs in once for many calls at once", async () => {
    await Promise.all(Array.from({ length: 8 }, () => keys.generate(undefined, context)));
    expect(calls().filter((call) => call.includes("login"))).to.have.length(1);
  });

  it("renews the token after half of its life, and logs in again after all of it", async () => {
    await keys.generate(undefined, context);
    clock.timeMs += 499_000;
    await keys.generate(undefined, context);
    expect(calls().filter((call) => call.includes("auth"))).to.have.length(1);
    answers = ({ call }) => ({ body: call.includes("auth") ? login("token-2") : generated });
    clock.timeMs += 2_000;
    await keys.generate(undefined, context);
    expect(calls().slice(3, 4)).to.deep.equal(["PUT auth/token/renew-self"]);
    expect(seen[3]?.body).to.deep.equal({ increment: 1000 });
    expect(seen.at(-1)?.headers["x-vault-token"]).to.equal("token-2");
    clock.timeMs += 1_000_001;
    await keys.generate(undefined, context);
    expect(calls().at(-2)).to.equal("PUT auth/approle/login");
  });

  it("logs in again when the token cannot be renewed, or hardly gains by it", async () => {
    for (const renewal of [
      { status: 403, body: { errors: ["permission denied"] } },
      { body: login("short", 10) },
    ]) {
      seen = [];
      answers = ({ call }) =>
        call.includes("renew") ? renewal : { body: call.includes("login") ? login("token-3") : generated };
      await keys.generate(undefined, context);
      clock.timeMs += 600_000;
      await keys.generate(undefined, context);
      expect(calls().slice(-3)).to.deep.equal([
        "PUT auth/token/renew-self",
        "PUT auth/approle/login",
        "PUT transit/datakey/plaintext/my-key",
      ]);
      clock.timeMs += 10_000_000;
    }
  });

  it("goes on with a token that is still good while its renewal fails", async () => {
    await keys.generate(undefined, context);
    answers = ({ call }) => (call.includes("auth") ? { status: 500 } : { body: generated });
    clock.timeMs += 600_000;
    await keys.generate(undefined, context);
    const auth = () => calls().filter((call) => call.includes("auth")).length;
    const before = auth();
    await keys.generate(undefined, context);
    expect(auth(), "not asked again at once").to.equal(before);
    clock.timeMs += 600_000;
    await fails(() => keys.generate(undefined, context), "KMS_UNAVAILABLE");
  });

  it("logs in anew when the token is refused, but not for every refusal", async () => {
    let isRevoked = false;
    answers = ({ call, headers }) => {
      if (call.includes("login")) return { body: login(isRevoked ? "token-2" : "token-1") };
      const isGood = !isRevoked || headers["x-vault-token"] === "token-2";
      return isGood ? { body: generated } : { status: 403, body: { errors: ["permission denied"] } };
    };
    await keys.generate(undefined, context);
    isRevoked = true;
    await fails(() => keys.generate(undefined, context), "KMS_DENIED");
    clock.timeMs += 10_001;
    expect((await keys.generate(undefined, context)).plaintext).to.deep.equal(dek);
  });

  const refusals: readonly [
    string,
    Answer,
    "KMS_KEY_NOT_FOUND" | "KMS_DENIED" | "KMS_ALTERED" | "KMS_UNAVAILABLE",
  ][] = [
    ["no such key", { status: 400, body: { errors: ["encryption key not found"] } }, "KMS_KEY_NOT_FOUND"],
    ["denied", { status: 403, body: { errors: ["permission denied"] } }, "KMS_DENIED"],
    [
      "a wrong ciphertext",
      { status: 400, body: { errors: ["cipher: message authentication failed"] } },
      "KMS_ALTERED",
    ],
    ["sealed", { status: 503, body: { errors: ["Vault is sealed"] } }, "KMS_UNAVAILABLE"],
    ["not initialised", { status: 501, body: { errors: [] } }, "KMS_UNAVAILABLE"],
    ["overloaded", { status: 429 }, "KMS_UNAVAILABLE"],
    [
      "an engine that is not mounted",
      { status: 404, body: { errors: ["no handler for route"] } },
      "KMS_UNAVAILABLE",
    ],
    ["a proxy's page", { status: 400, body: "<html>" }, "KMS_UNAVAILABLE"],
    ["a page of somebody else", { status: 200, body: "<html>" }, "KMS_UNAVAILABLE"],
    ["a broken connection", { status: 0 }, "KMS_UNAVAILABLE"],
    ["an endless answer", { status: 200, body: "x".repeat(70_000) }, "KMS_UNAVAILABLE"],
  ];
  for (const [what, answer, failure] of refusals) {
    it(`means ${failure} by ${what}`, async () => {
      answers = ({ call }) => (call.includes("login") ? { body: login("token") } : answer);
      await fails(() => keys.decrypt("my-key", Buffer.from("vault:v1:AAEC"), context), failure);
      const attempts = calls().filter((call) => call.includes("decrypt")).length;
      const isPassing = ["sealed", "overloaded", "a broken connection", "an endless answer"].includes(what);
      expect(attempts).to.equal(isPassing ? 3 : 1);
    });
  }

  it("is an outage when it does not let us in", async () => {
    answers = () => ({ status: 400, body: { errors: ["invalid role or secret ID"] } });
    await fails(() => keys.generate(undefined, context), "KMS_UNAVAILABLE");
  });

  it("is not believed when its DEK or ciphertext is of another form", async () => {
    for (const data of [
      { ...generated.data, plaintext: Buffer.alloc(16).toString("base64") },
      { ...generated.data, plaintext: "?" },
      { ...generated.data, ciphertext: "AAEC" },
      { plaintext: generated.data.plaintext },
    ]) {
      answers = ({ call }) => ({ body: call.includes("login") ? login("token") : { data } });
      await fails(() => keys.generate(undefined, context), "KMS_FAILED");
    }
  });

  it("is not asked for names and ciphertexts that cannot be its own", async () => {
    for (const name of ["", "a/b", "..", "a b", "a%2fb", "../sys"]) {
      await fails(() => keys.generate(name, context), "KMS_KEY_NOT_FOUND");
    }
    await fails(() => keys.decrypt("my-key", Buffer.from("AAEC"), context), "KMS_ALTERED");
    expect(seen).to.deep.equal([]);
  });

  it("makes derived keys, and says when there is one", async () => {
    answers = ({ call }) => {
      if (call.includes("login")) return { body: login("token") };
      return call.startsWith("GET") ? { status: 404, body: { errors: [] } } : { status: 204, body: "" };
    };
    await keys.createKey("new");
    expect(seen.at(-1)?.body).to.deep.equal({ type: "aes256-gcm96", derived: true });
    answers = () => ({ body: { data: { name: "new" } } });
    await fails(() => keys.createKey("new"), "KMS_KEY_EXISTS");
    answers = () => ({ status: 404, body: { errors: ["no handler for route"] } });
    await fails(() => keys.createKey("new"), "KMS_UNAVAILABLE");
  });

  it("is online when it serves, a standby too", async () => {
    for (const [status, isOnline] of [
      [200, true],
      [429, true],
      [473, true],
      [503, false],
      [501, false],
      [0, false],
    ] as const) {
      answers = () => ({ status });
      expect((await keys.status()).endpoints).to.deep.equal([{ endpoint: `${url}/proxied/`, isOnline }]);
    }
  });

  it("is left when the caller leaves", async () => {
    const reason = new Error("gone");
    await keys.generate(undefined, context);
    const options = { signal: AbortSignal.abort(reason) };
    const error = await keys.generate(undefined, context, options).catch((thrown: unknown) => thrown);
    expect(error).to.equal(reason);
  });
});
