import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import type { Keystore, KeystorePage, ListOptions } from "../../src/keystore/contract.js";
import type { KeyName } from "../../src/names.js";
import { selfSigned, type TestCertificate } from "../support/certificates.js";
import { type Fate, type PathTrick, pathTricks } from "../support/path-tricks.js";
import { type RawAnswer, rawHttp1 } from "../support/raw-http1.js";
import { type Fields, rawHttp2 } from "../support/raw-http2.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

/** Notes the name of every key that is read; outlives the server that uses it. */
class WatchedKeystore implements Keystore {
  readonly read = new Set<string>();
  readonly #inner = new MemoryKeystore();
  readonly description = "watched";
  readonly abilities = this.#inner.abilities;
  status(): Promise<void> {
    return this.#inner.status();
  }
  create(name: KeyName, value: Uint8Array): Promise<void> {
    return this.#inner.create(name, value);
  }
  get(name: KeyName): Promise<Uint8Array> {
    this.read.add(name);
    return this.#inner.get(name);
  }
  replace(name: KeyName, expected: Uint8Array, next: Uint8Array): Promise<void> {
    return this.#inner.replace(name, expected, next);
  }
  delete(name: KeyName): Promise<void> {
    return this.#inner.delete(name);
  }
  list(options: ListOptions): Promise<KeystorePage> {
    return this.#inner.list(options);
  }
  async close(): Promise<void> {}
}

const MARK = Buffer.from("the plaintext that must not come out");
const MARK64 = MARK.toString("base64");

/** Who may do what, and the status that each fate of a trick has for it. */
interface Caller {
  readonly certificate: TestCertificate;
  readonly rules: { readonly allow: readonly string[]; readonly deny?: readonly string[] };
  readonly status: Readonly<Record<Fate, number>>;
}

const SAME = { unknown: 404, moved: 301, method: 405, refused: 400 } as const;

const callers: Readonly<Record<string, Caller>> = {
  "deny by prefix": {
    certificate: selfSigned(),
    rules: { allow: ["/v1/key/*"], deny: ["/v1/key/decrypt/secret*"] },
    status: { ...SAME, exact: 403, prefix: 403, name: 400, other: 404, open: 400 },
  },
  "deny of one path": {
    certificate: selfSigned(),
    rules: { allow: ["*"], deny: ["/v1/key/decrypt/secret"] },
    status: { ...SAME, exact: 403, prefix: 400, name: 400, other: 404, open: 400 },
  },
  "allow of one path": {
    certificate: selfSigned(),
    rules: { allow: ["/v1/key/decrypt/open"] },
    status: { ...SAME, exact: 403, prefix: 403, name: 403, other: 403, open: 400 },
  },
};

describe("path tricks", function () {
  this.timeout(60_000);
  const keystore = new WatchedKeystore();
  let server: TestServer;
  let body: string;
  let bulk: string;

  before(async () => {
    // The keys are made by another server, so that the one under test has none of them in memory: whoever gets
    // at the forbidden key there must read it from the keystore, which notes that.
    const maker = await startTestServer({ keystore });
    for (const name of ["secret", "open"]) {
      const made = await post(maker, maker.admin, `/v1/key/create/${name}`, "");
      expect(made.status).to.equal(200);
    }
    const plaintext = JSON.stringify({ plaintext: MARK64 });
    const sealed = await post(maker, maker.admin, "/v1/key/encrypt/secret", plaintext);
    const { ciphertext } = JSON.parse(sealed.body.toString());
    body = JSON.stringify({ ciphertext });
    bulk = JSON.stringify([{ ciphertext }]);
    await maker.close();
    keystore.read.clear();
    const policies = Object.values(callers).map(({ certificate, rules }, i) => [
      `policy-${i}`,
      { ...rules, identities: [certificate.identity] },
    ]);
    server = await startTestServer({ keystore, policies: Object.fromEntries(policies) });
  });

  after(() => server.close());

  const post = (to: TestServer, who: TestCertificate, target: string, content: string): Promise<RawAnswer> =>
    rawHttp1(to.port, who, http1(target, content));

  const http1 = (target: string, content: string, headers = "Host: 127.0.0.1\r\n"): Buffer =>
    Buffer.concat([
      Buffer.from(`POST ${target} HTTP/1.1\r\n`, "latin1"),
      Buffer.from(`${headers}Content-Length: ${content.length}\r\nConnection: close\r\n\r\n${content}`),
    ]);

  const fields = (target: string): Fields => [
    [":method", "POST"],
    [":scheme", "https"],
    [":authority", "127.0.0.1"],
    [":path", target],
  ];

  /** The forbidden key was not read, and nothing of what is sealed under it came out. */
  function nothingHappened(answer: { readonly status: number; readonly body: Buffer }, what: string): void {
    expect(answer.status, what).not.to.equal(200);
    expect(answer.body.toString("latin1"), what).not.to.include(MARK64).and.not.to.include(MARK.toString());
    expect([...keystore.read], what).not.to.include("secret");
  }

  const shown = ({ target }: PathTrick): string =>
    JSON.stringify(target.length > 80 ? `${target.slice(0, 60)}… (${target.length})` : target);

  for (const [rules, { certificate, status }] of Object.entries(callers)) {
    describe(rules, () => {
      for (const trick of pathTricks) {
        it(`h1, ${trick.why}: ${shown(trick)} is ${trick.fate}`, async () => {
          let answer = await post(server, certificate, trick.target, body);
          expect(answer.status).to.equal(status[trick.fate]);
          nothingHappened(answer, trick.target);
          // A client that follows gets no further, and never to another host.
          for (let i = 0; i < 3 && answer.status === 301; i++) {
            const [location = ""] = answer.headers.get("location") ?? [];
            expect(new URL(location, "https://host.example").host).to.equal("host.example");
            answer = await post(server, certificate, location, body);
            nothingHappened(answer, `${trick.target} → ${location}`);
          }
          expect(answer.status).not.to.equal(301);
        });

        const fate = trick.h2 ?? trick.fate;
        it(`h2, ${trick.why}: ${shown(trick)} is ${fate}`, async () => {
          const answer = await rawHttp2(server.port, certificate, fields(trick.target), body);
          nothingHappened(answer, trick.target);
          // What no header field may hold, HTTP/2's parser refuses by a reset.
          if (fate === "refused" && answer.status === 0) expect(answer.code).to.be.above(0);
          else expect(answer.status).to.equal(status[fate]);
        });
      }
    });
  }

  describe("pseudo-header fields of HTTP/2", () => {
    const path = "/v1/key/decrypt/secret";
    const plain = fields("/v1/key/decrypt/open");
    const tricks: readonly (readonly [why: string, fields: Fields])[] = [
      ["an empty :path", fields("")],
      ["no :path", plain.slice(0, 3)],
      [":path twice, the forbidden one last", [...plain, [":path", path]]],
      [":path twice, the forbidden one first", [[":path", path], ...plain]],
      [":path twice, both forbidden", [...fields(path), [":path", path]]],
      [":path behind an ordinary field", [...plain.slice(0, 3), ["accept", "*/*"], [":path", path]]],
      [":PATH in capitals", [...plain.slice(0, 3), [":PATH", path]]],
      [":Path besides", [...plain, [":Path", path]]],
      ["path without colon", [...plain, ["path", path]]],
      [":path with a blank in front", fields(` ${path}`)],
      [":path of a NUL", fields("\u0000")],
      [":path with a line break", fields(`/version\r\n:path: ${path}`)],
      ["a field of an unknown pseudo name", [...plain, [":rewrite", path]]],
      [":protocol", [...plain, [":protocol", "websocket"]]],
      [
        "CONNECT",
        [
          [":method", "CONNECT"],
          [":authority", "127.0.0.1"],
        ],
      ],
      ["CONNECT with :path", [[":method", "CONNECT"], ...fields(path).slice(1)]],
      [
        "an :authority that holds the path",
        [...plain.slice(0, 2), [":authority", `x${path}`], [":path", path]],
      ],
      ["no :authority", [...plain.slice(0, 2), [":path", path]]],
      [
        "another :scheme",
        [
          [":method", "POST"],
          [":scheme", "http"],
          [":authority", "x"],
          [":path", path],
        ],
      ],
      [
        "an odd :scheme",
        [
          [":method", "POST"],
          [":scheme", `https://x${path}?`],
          [":authority", "x"],
          [":path", path],
        ],
      ],
      ["a method in small letters", [[":method", "post"], ...fields(path).slice(1)]],
      ["a method with a path", [[":method", `POST ${path} HTTP/1.1`], ...fields("/").slice(1)]],
    ];
    for (const [why, sent] of tricks) {
      it(why, async () => {
        for (const [rules, { certificate }] of Object.entries(callers)) {
          const answer = await rawHttp2(server.port, certificate, sent, body);
          nothingHappened(answer, `${why}, ${rules}`);
          if (answer.status === 0) expect(answer.code).to.be.above(0);
          else expect(answer.status).to.be.within(400, 405);
        }
      });
    }
  });

  describe("header fields that rewrite the path elsewhere", () => {
    const names = [
      "X-Original-URL",
      "X-Rewrite-URL",
      "X-Forwarded-Path",
      "X-HTTP-Method-Override",
      "Referer",
    ];
    for (const name of names) {
      it(name, async () => {
        for (const { certificate } of Object.values(callers)) {
          const header = `Host: 127.0.0.1\r\n${name}: /v1/key/decrypt/secret\r\n`;
          const answer = await rawHttp1(
            server.port,
            certificate,
            http1("/v1/key/decrypt/open", body, header),
          );
          expect(answer.status).to.equal(400);
          nothingHappened(answer, name);
        }
      });
    }
    const hosts: readonly (readonly [why: string, headers: string, statuses: readonly number[]])[] = [
      ["another Host", "Host: evil.example\r\n", [403, 403, 403]],
      // RFC 9112 §3.2.
      ["a Host that holds the path", "Host: x/v1/key/decrypt/open?\r\n", [400, 400, 400]],
      ["no Host", "", [400, 400, 400]],
      ["two Hosts", "Host: a\r\nHost: b\r\n", [400, 400, 400]],
      ["an identity in a header", "Host: a\r\nX-Tls-Client-Cert: admin\r\n", [403, 403, 403]],
    ];
    for (const [why, headers, statuses] of hosts) {
      it(why, async () => {
        for (const [i, { certificate }] of Object.values(callers).entries()) {
          const sent = http1("/v1/key/decrypt/secret", body, headers);
          const answer = await rawHttp1(server.port, certificate, sent);
          expect(answer.status).to.equal(statuses[i]);
          nothingHappened(answer, why);
        }
      });
    }
  });

  describe("request lines of HTTP/1.1", () => {
    const path = "/v1/key/decrypt/secret";
    const end = "Host: x\r\nConnection: close\r\n\r\n";
    const lines: readonly (readonly [why: string, line: string])[] = [
      ["a version that is none", `POST ${path} HTTP/9.9`],
      ["no version", `POST ${path}`],
      ["two paths", `POST /v1/key/decrypt/open ${path} HTTP/1.1`],
      ["two blanks", `POST  ${path} HTTP/1.1`],
      ["a tab for a blank", `POST\t${path}\tHTTP/1.1`],
      ["a blank in front", ` POST ${path} HTTP/1.1`],
      ["a method in small letters", `post ${path} HTTP/1.1`],
      ["a method of one's own", `DECRYPT ${path} HTTP/1.1`],
      ["a bare line feed and a second request line", `POST /version HTTP/1.1\nPOST ${path} HTTP/1.1`],
      ["a folded line", `POST\r\n ${path} HTTP/1.1`],
    ];
    for (const [why, line] of lines) {
      it(why, async () => {
        for (const { certificate } of Object.values(callers)) {
          const answer = await rawHttp1(server.port, certificate, `${line}\r\n${end}`);
          nothingHappened(answer, why);
          expect(answer.status).to.be.oneOf([0, 400, 403, 405]);
        }
      });
    }
  });

  describe("other ways to the forbidden key", () => {
    const denied = callers["deny by prefix"];
    const targets = [
      "/v1/key/bulk/decrypt/secret",
      "/v1/key/bulk/decrypt/%73ecret",
      "/v1/key/bulk//decrypt/secret",
      "/v1/key/bulk%2Fdecrypt/secret",
      "/v1/key/bulk/decrypt%2Fsecret",
      "/v1/key/bulk/../decrypt/secret",
      "/v1/key/bulk/decrypt/./secret",
      "/v1/key/bulk/decrypt/secret/",
      "/v1/key/bulk/decrypt/secret;",
      "/v1/key/bulk/decrypt/secret%00",
      "/v1/key/bulk/Decrypt/secret",
      "/v1/key/bulk/decrypt/open/../secret",
      "/v1/key/decrypt/bulk/../secret",
    ];
    for (const target of targets) {
      it(`${target}, over h1 and h2`, async () => {
        for (const { certificate } of Object.values(callers)) {
          for (const content of [bulk, body]) {
            const first = await post(server, certificate, target, content);
            nothingHappened(first, target);
            if (first.status === 301) {
              const [location = ""] = first.headers.get("location") ?? [];
              nothingHappened(await post(server, certificate, location, content), location);
            }
            nothingHappened(await rawHttp2(server.port, certificate, fields(target), content), target);
          }
        }
      });
    }
    it("bulk with the deny rule for the single call alone is 403", async () => {
      const certificate = denied?.certificate ?? selfSigned();
      expect((await post(server, certificate, "/v1/key/bulk/decrypt/secret", bulk)).status).to.equal(403);
      expect((await post(server, certificate, "/v1/key/bulk/decrypt/open", bulk)).status).to.equal(400);
    });
  });

  // Last, because it reads the forbidden key: without it, nothing above would prove anything.
  describe("without tricks", () => {
    it("lets the same requests through for who may make them", async () => {
      const audit = server.stdout();
      expect(audit).not.to.match(/req\.path=\/v1\/key\/(bulk\/)?decrypt\/secret\S* .*res\.code=200/);
      const single = await post(server, server.admin, "/v1/key/decrypt/%73ecret", body);
      expect(JSON.parse(single.body.toString())).to.deep.equal({ plaintext: MARK64 });
      const many = await rawHttp2(server.port, server.admin, fields("/v1/key/bulk/decrypt/secret"), bulk);
      expect(JSON.parse(many.body.toString())).to.deep.equal([{ plaintext: MARK64 }]);
      expect([...keystore.read]).to.include("secret");
      expect(server.stdout().slice(audit.length)).to.match(
        /req\.path=\/v1\/key\/decrypt\/secret .*res\.code=200/,
      );
      const { length } = pathTricks;
      const spellings = new Set(pathTricks.map(({ target }) => target));
      expect(spellings.size).to.equal(length).and.to.be.at.least(60);
      console.log(
        `        ${length} spellings of a path, over h1 and h2, under 3 policies each: none passed`,
      );
    });
  });
});
