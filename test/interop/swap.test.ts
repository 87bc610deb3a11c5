/**
 * The original server and ours in turn on one fs key folder: an operator swaps the binary, and swaps it back.
 * Needs a binary of the original, see `KESWICK_KES_BINARY`.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import type { Command } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { ask, kesCommand, type ServerKind, startKes } from "../support/kes-server.js";
import { type KesSite, makeKesSite } from "../support/kes-site.js";
import { requireService } from "../support/services/index.js";

const PLAINTEXT = Buffer.from("what the other side sealed").toString("base64");
const CONTEXT = Buffer.from('{"bucket":"bucket/object"}').toString("base64");
const MESSAGE = Buffer.from("root access key").toString("base64");
const IMPORTED = Buffer.alloc(32, 0x5a).toString("base64");
const ZERO_KEY = Buffer.alloc(32).toString("base64");

/** Stored keys in the encodings of older releases: kes-server.md 9.5. */
const legacyKeys = [
  { name: "bytes-only", value: { bytes: ZERO_KEY } },
  { name: "old-aes", value: { version: "v1", bytes: ZERO_KEY, algorithm: "AES256-GCM_SHA256" } },
  { name: "old-chacha", value: { version: "v1", bytes: ZERO_KEY, algorithm: "XCHACHA20-POLY1305" } },
].map(({ name, value }) => ({
  name,
  text: JSON.stringify({ ...value, created_at: "2009-11-10T23:00:00Z" }),
}));

/** Ciphertexts of older releases under the zero key, of sixteen zero bytes: kes-server.md 9.7. */
const legacyCiphertexts: readonly [keyName: string, ciphertext: string][] = [
  [
    "bytes-only",
    Buffer.from(
      '{"aead":"AES-256-GCM-HMAC-SHA-256","iv":"xLxIN3tSCkg2xMafuvwUwg==","nonce":"gu0mGwUkwcvMEoi5","bytes":"WVgRjeIJm3w50C/l+y7y2i6mbNg5NCAqN1zvOYWZKmc="}',
    ).toString("base64"),
  ],
  [
    "old-aes",
    "lbFBRVMyNTYtR0NNX1NIQTI1NtkgNjY2ODdhYWRmODYyYmQ3NzZjOGZjMThiOGU5ZjhlMjDEEExv7LAd4oz0SaHZrX5LBufEDEKME1ow1CDfUFrqv8QgJuy7Sw+jVqz99TK1HV851LT3K4mwwDv46TB2ngWkAJQ=",
  ],
  [
    "old-chacha",
    "lbJYQ0hBQ0hBMjAtUE9MWTEzMDXZIDY2Njg3YWFkZjg2MmJkNzc2YzhmYzE4YjhlOWY4ZTIwxBBAr+aptD4x2+qfOhiErbnkxAxYs8RmNC1JJXD1hiHEIJ2KqM0jjkME7ndx8nyVseesN83Np0rM5ejVUun+fNFu",
  ],
];

describe("interop: the original server and ours on one key folder", function () {
  this.timeout(30_000);

  const cleanUp = new CleanUp();
  let site: KesSite;
  let commands: Readonly<Record<ServerKind, Command>>;

  before(async function () {
    commands = { original: kesCommand(this, "original"), ours: kesCommand(this, "ours") };
    site = await makeKesSite(requireService(this, "openssl"));
    cleanUp.add(() => site.remove());
  });

  after(() => cleanUp.run());

  /** Runs one server for as long as `work` needs it: the two never hold the folder at the same time. */
  async function using<Result>(kind: ServerKind, work: (call: Call) => Promise<Result>): Promise<Result> {
    const kes = await startKes(commands[kind], site);
    try {
      return await work(async (method, path, body) => {
        const reply = await ask(kes.endpoint, site.admin, { method, path, body });
        return { status: reply.status, body: reply.text === "" ? {} : JSON.parse(reply.text) };
      });
    } finally {
      await kes.process.stop();
    }
  }

  const directions: readonly [first: ServerKind, second: ServerKind][] = [
    ["original", "ours"],
    ["ours", "original"],
  ];
  for (const [first, second] of directions) {
    it(`${second} reads the keys and opens the ciphertexts of ${first}`, async () => {
      const [created, imported] = [`created-by-${first}`, `imported-by-${first}`];
      const before = await using(first, async (call) => {
        await expectOk(call("PUT", `/v1/key/create/${created}`));
        await expectOk(call("PUT", `/v1/key/import/${imported}`, { key: IMPORTED, cipher: "ChaCha20" }));
        return {
          seen: await observe(call, [created, imported]),
          sealed: await seal(call, [created, imported]),
        };
      });
      await using(second, async (call) => {
        expect(await observe(call, [created, imported])).to.deep.equal(before.seen);
        for (const { name, context, ciphertext, plaintext } of before.sealed) {
          const path = `/v1/key/decrypt/${name}`;
          expect((await call("PUT", path, { ciphertext, context })).body).to.deep.equal({ plaintext });
          const refused = await call("PUT", path, { ciphertext, context: PLAINTEXT });
          expect(refused).to.deep.equal({
            status: 400,
            body: { message: "decryption failed: ciphertext is not authentic" },
          });
        }
      });
    });
  }

  it("both read stored keys and ciphertexts of older releases alike", async () => {
    for (const { name, text } of legacyKeys) await writeFile(join(site.keyFolder, name), text);
    const names = legacyKeys.map(({ name }) => name);
    const look = (call: Call): Promise<unknown> => observe(call, names);
    expect(await using("ours", look)).to.deep.equal(await using("original", look));

    for (const kind of ["original", "ours"] as const) {
      await using(kind, async (call) => {
        for (const [name, ciphertext] of legacyCiphertexts) {
          const opened = await call("PUT", `/v1/key/decrypt/${name}`, { ciphertext });
          expect(opened.body, `${kind}: ${name}`).to.deep.equal({
            plaintext: Buffer.alloc(16).toString("base64"),
          });
        }
      });
    }
  });
});

type Call = (method: string, path: string, body?: unknown) => Promise<Answer>;

interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

interface Sealed {
  readonly name: string;
  readonly context: string | undefined;
  readonly ciphertext: unknown;
  readonly plaintext: unknown;
}

/** What a caller sees of keys without knowing who serves them: it must be the same from either server. */
async function observe(call: Call, names: readonly string[]): Promise<unknown> {
  const keys = [];
  for (const name of names) {
    keys.push({
      described: await call("GET", `/v1/key/describe/${name}`),
      mac: await call("PUT", `/v1/key/hmac/${name}`, { message: MESSAGE }),
    });
  }
  return { keys, list: await call("GET", "/v1/key/list/") };
}

/** Seals under each key, encrypting and generating, with a context and without. */
async function seal(call: Call, names: readonly string[]): Promise<Sealed[]> {
  const sealed: Sealed[] = [];
  for (const name of names) {
    for (const context of [undefined, CONTEXT]) {
      const encrypted = await expectOk(
        call("PUT", `/v1/key/encrypt/${name}`, { plaintext: PLAINTEXT, context }),
      );
      sealed.push({ name, context, ciphertext: encrypted.ciphertext, plaintext: PLAINTEXT });
      const dek = await expectOk(call("PUT", `/v1/key/generate/${name}`, { context }));
      sealed.push({ name, context, ciphertext: dek.ciphertext, plaintext: dek.plaintext });
    }
  }
  return sealed;
}

async function expectOk(answer: Promise<Answer>): Promise<Record<string, unknown>> {
  const { status, body } = await answer;
  expect(status, JSON.stringify(body)).to.equal(200);
  return body;
}
