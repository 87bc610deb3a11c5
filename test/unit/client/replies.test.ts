import { expect } from "chai";
import type { KesClient } from "../../../src/client/client.js";
import type { ApiReply } from "../../../src/client/transport.js";
import { clientOver, ENDPOINT, reply } from "../../support/fake-transport.js";

const B32 = Buffer.alloc(32, 5).toString("base64");
const B76 = Buffer.alloc(76, 6).toString("base64");
const CREATED = { created_at: "2024-01-12T10:39:20.886816123+01:00", created_by: "admin" };

type Call = (client: KesClient) => Promise<unknown>;
const calls = {
  version: (client) => client.version(),
  status: (client) => client.status(),
  apis: (client) => client.apis(),
  describeKey: (client) => client.describeKey("k"),
  generateKey: (client) => client.generateKey("k"),
  encrypt: (client) => client.encrypt("k", Buffer.from("hello")),
  decrypt: (client) => client.decrypt("k", Buffer.alloc(76)),
  hmac: (client) => client.hmac("k", Buffer.from("hello")),
  readPolicy: (client) => client.readPolicy("p"),
  describePolicy: (client) => client.describePolicy("p"),
  describeIdentity: (client) => client.describeIdentity("3ecf"),
  describeSelf: (client) => client.describeSelf(),
  ready: (client) => client.ready(),
} satisfies Record<string, Call>;

const STATUS = {
  version: "v",
  os: "linux",
  arch: "amd64",
  uptime: 7,
  num_cpu: 4,
  num_cpu_used: 2,
  mem_heap_used: 1,
  mem_stack_used: 2,
};
const status = {
  version: "v",
  os: "linux",
  arch: "amd64",
  uptimeSeconds: 7,
  cpus: 4,
  usableCpus: 2,
  heapUsedBytes: 1,
  stackUsedBytes: 2,
  keystoreUnreachable: false,
  keystoreUnavailable: false,
  certificates: [],
  endpoint: ENDPOINT,
  latencyMs: 5,
};

/** What is sent, and what it is read as. */
const good: readonly [keyof typeof calls, string, unknown, unknown][] = [
  ["version", "all", { version: "v", commit: "c", more: 1 }, { version: "v", commit: "c" }],
  ["status", "a healthy server", STATUS, { ...status, raw: STATUS }],
  [
    "status",
    "KES of 2024 and its keystore",
    { ...STATUS, keystore_unreachable: true },
    {
      ...status,
      keystoreUnreachable: true,
      keystoreUnavailable: true,
      raw: { ...STATUS, keystore_unreachable: true },
    },
  ],
  [
    "status",
    "nanoseconds of older servers",
    { ...STATUS, uptime: 7e9, keystore_latency: 2_000_000 },
    { ...status, keystoreLatencyMs: 2, raw: { ...STATUS, uptime: 7e9, keystore_latency: 2_000_000 } },
  ],
  [
    "apis",
    "a route",
    [{ method: "PUT", path: "/v1/key/create/", max_body: 0, timeout: 15 }],
    [{ method: "PUT", path: "/v1/key/create/", maxBodyBytes: 0, timeoutSeconds: 15 }],
  ],
  [
    "describeKey",
    "all",
    { name: "k", id: "i", algorithm: "ChaCha20", ...CREATED },
    { name: "k", id: "i", algorithm: "ChaCha20", createdAt: CREATED.created_at, createdBy: "admin" },
  ],
  [
    "describeKey",
    "the least",
    { created_at: "0001-01-01T00:00:00Z" },
    { name: "k", algorithm: "AES256", createdAt: "0001-01-01T00:00:00Z", createdBy: "" },
  ],
  [
    "describeKey",
    "an older name of an algorithm",
    { algorithm: "XCHACHA20-POLY1305", ...CREATED },
    { name: "k", algorithm: "ChaCha20", createdAt: CREATED.created_at, createdBy: "admin" },
  ],
  [
    "generateKey",
    "both parts",
    { plaintext: B32, ciphertext: B76 },
    { plaintext: Buffer.alloc(32, 5), ciphertext: Buffer.alloc(76, 6) },
  ],
  ["encrypt", "a ciphertext", { ciphertext: B76 }, Buffer.alloc(76, 6)],
  ["decrypt", "a plaintext", { plaintext: "AAE=" }, Buffer.from([0, 1])],
  ["decrypt", "an empty plaintext", { plaintext: "" }, Buffer.alloc(0)],
  ["hmac", "all", { hmac: B32 }, Buffer.alloc(32, 5)],
  [
    "readPolicy",
    "rules as members",
    { name: "p", allow: { "/v1/a*": {}, "/v1/b": {} }, ...CREATED },
    { name: "p", allow: ["/v1/a*", "/v1/b"], deny: [], createdAt: CREATED.created_at, createdBy: "admin" },
  ],
  [
    "readPolicy",
    "rules as lists",
    { deny: ["/x"] },
    { name: "p", allow: [], deny: ["/x"], createdAt: "", createdBy: "" },
  ],
  [
    "describePolicy",
    "all",
    { name: "p", ...CREATED },
    { name: "p", createdAt: CREATED.created_at, createdBy: "admin" },
  ],
  [
    "describeIdentity",
    "an admin",
    { admin: true, created_at: CREATED.created_at },
    { identity: "3ecf", isAdmin: true, createdAt: CREATED.created_at, createdBy: "" },
  ],
  [
    "describeSelf",
    "a policy by name",
    { identity: "3ecf", policy: "p", allow: { "/a": {} }, ...CREATED },
    {
      identity: "3ecf",
      isAdmin: false,
      policy: "p",
      allow: ["/a"],
      deny: [],
      createdAt: CREATED.created_at,
      createdBy: "admin",
    },
  ],
  [
    "describeSelf",
    "a nested policy",
    { identity: "3ecf", policy: { name: "p", deny: { "/a": {} } }, ...CREATED },
    {
      identity: "3ecf",
      isAdmin: false,
      policy: "p",
      allow: [],
      deny: ["/a"],
      createdAt: CREATED.created_at,
      createdBy: "admin",
    },
  ],
];

const bad: readonly [keyof typeof calls, string, unknown][] = [
  ["version", "no JSON", Buffer.from("<html>")],
  ["version", "null", null],
  ["version", "a list", []],
  ["version", "no version", { commit: "c" }],
  ["version", "a number", { version: 1 }],
  ["version", "control characters", { version: "\u001b[2J" }],
  ["version", "an endless text", { version: "x".repeat(5000) }],
  ["version", "an inherited member", Buffer.from('{"__proto__":{"version":"v"}}')],
  ["status", "a negative number", { ...STATUS, num_cpu: -1 }],
  ["status", "a fraction", { ...STATUS, uptime: 1.5 }],
  ["status", "a flag that is none", { ...STATUS, keystore_unreachable: "yes" }],
  ["status", "certificates that are none", { ...STATUS, certificates: {} }],
  ["status", "a certificate without date", { ...STATUS, certificates: [{ use: "a", identity: "b" }] }],
  ["apis", "an object", {}],
  ["apis", "a route without path", [{ method: "GET", max_body: 0, timeout: 0 }]],
  ["describeKey", "another key", { name: "x", ...CREATED }],
  ["describeKey", "no date", { name: "k" }],
  ["describeKey", "a date that is none", { name: "k", created_at: "yesterday" }],
  ["generateKey", "no plaintext", { ciphertext: B76 }],
  ["generateKey", "an empty plaintext", { plaintext: "", ciphertext: B76 }],
  ["generateKey", "a short plaintext", { plaintext: "AAAA", ciphertext: B76 }],
  ["generateKey", "no ciphertext", { plaintext: B32 }],
  ["generateKey", "an empty ciphertext", { plaintext: B32, ciphertext: "" }],
  ["generateKey", "a ciphertext without room for a tag", { plaintext: B32, ciphertext: B32 }],
  ["generateKey", "base64 of another alphabet", { plaintext: B32.replace(/^../, "-_"), ciphertext: B76 }],
  ["encrypt", "an empty ciphertext", { ciphertext: "" }],
  ["encrypt", "the plaintext itself", { ciphertext: Buffer.from("hello").toString("base64") }],
  ["decrypt", "no plaintext", {}],
  ["decrypt", "null", { plaintext: null }],
  ["decrypt", "base64 without padding", { plaintext: "AA" }],
  ["hmac", "a short HMAC", { hmac: "AAAA" }],
  ["readPolicy", "rules that are none", { allow: "all", ...CREATED }],
  ["readPolicy", "another policy", { name: "x", ...CREATED }],
  ["describeIdentity", "admin as text", { admin: "true", ...CREATED }],
  ["describeSelf", "no identity", { admin: true, ...CREATED }],
  ["ready", "content", { ok: true }],
];

function answering(body: unknown): KesClient {
  return clientOver((): ApiReply => reply(body)).client;
}

describe("answers", () => {
  for (const [call, what, body, expected] of good)
    it(`of ${call}: reads ${what}`, async () => {
      const run: Call = calls[call];
      expect(await run(answering(body))).to.deep.equal(expected);
    });

  for (const [call, what, body] of bad)
    it(`of ${call}: refuses ${what}`, async () => {
      const run: Call = calls[call];
      const failure = await run(answering(body)).catch((error: unknown) => error);
      expect(failure).to.include({ code: "ANSWER_INVALID" });
    });

  it("never appear in errors", async () => {
    const failure = await answering({ plaintext: "c2VjcmV0!" })
      .decrypt("k", Buffer.alloc(76))
      .catch((e: unknown) => e);
    expect(String(failure)).not.to.include("c2VjcmV0");
    const broken = await answering(Buffer.from('{"plaintext":"c2VjcmV0'))
      .decrypt("k", Buffer.alloc(76))
      .catch((e: unknown) => e);
    expect(String(broken)).not.to.include("c2VjcmV0");
  });
});

describe("requests", () => {
  it("are those of KES's own client", async () => {
    const { client, transport } = clientOver(({ path }) =>
      path.includes("hmac") ? reply({ hmac: B32 }) : reply({ plaintext: B32, ciphertext: B76 }),
    );
    await client.generateKey("k");
    await client.generateKey("k", { context: { b: "o" } });
    await client.encrypt("k", Buffer.from("hi"), { context: Buffer.from("x") });
    await client.decrypt("k", Buffer.from("hi"));
    await client.hmac("k", Buffer.from("hi"));
    expect(transport.requests.map(({ method, path, body }) => `${method} ${path} ${body}`)).to.deep.equal([
      "POST /v1/key/generate/k {}",
      'POST /v1/key/generate/k {"context":"eyJiIjoibyJ9"}',
      'POST /v1/key/encrypt/k {"plaintext":"aGk=","context":"eA=="}',
      'POST /v1/key/decrypt/k {"ciphertext":"aGk="}',
      'PUT /v1/key/hmac/k {"message":"aGk="}',
    ]);
    expect(transport.requests.every(({ repeatable }) => repeatable)).to.equal(true);
  });

  it("send the bytes of a view, not of the buffer behind it", async () => {
    const { client, transport } = clientOver(() => reply({ hmac: B32 }));
    await client.hmac(
      "k",
      new Uint8Array(Buffer.from("xhix").buffer.slice(0)).fill(0x61, 0, 2).subarray(0, 2),
    );
    expect(String(transport.requests[0]?.body)).to.equal('{"message":"YWE="}');
  });

  it("are refused when no server takes their size", async () => {
    const { client, transport } = clientOver(() => reply({}));
    expect(await client.encrypt("k", Buffer.alloc(750_000)).catch((e: unknown) => e)).to.include({
      code: "BODY_TOO_LARGE",
    });
    expect(transport.calls).to.deep.equal([]);
  });

  it("pass signal and deadline on", async () => {
    const { client, transport } = clientOver(() => reply({ version: "v" }));
    const { signal } = new AbortController();
    await client.version({ signal, timeoutMs: 7 });
    await client.version();
    expect(transport.requests[0]).to.include({ signal, timeoutMs: 7 });
    expect(transport.requests[1]?.timeoutMs).to.equal(30_000);
    expect(transport.requests[1]).not.to.have.property("signal");
  });
});
