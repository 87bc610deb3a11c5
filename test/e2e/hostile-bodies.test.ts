import { randomBytes } from "node:crypto";
import { connect } from "node:http2";
import { expect } from "chai";
import { type ErrorCode, errorCatalogue } from "../../src/errors.js";
import { overH1, untilClosed } from "../support/attacks.js";
import { readAnswer } from "../support/raw-http1.js";
import { type Answer, overHttp1, overHttp2, type Send } from "../support/send.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const LIMIT = 1_000_000;
const ROUTES = ["generate", "encrypt", "decrypt", "hmac", "bulk/decrypt", "bulk/generate", "import"] as const;
type RouteName = (typeof ROUTES)[number];

const pathOf = (route: RouteName, key = "known"): string =>
  `/v1/key/${route}/${route === "import" ? "imported" : key}`;
/** The code of a malformed body. */
const malformed = (route: RouteName): ErrorCode =>
  route === "import" ? "IMPORT_BODY_INVALID" : "BODY_INVALID";

for (const [version, send] of [
  ["HTTP/1.1", overHttp1],
  ["HTTP/2", overHttp2],
] as const) {
  describe(`e2e: hostile bodies over ${version}`, () => {
    let server: TestServer;
    let sealed: { plaintext: string; ciphertext: string };
    const context = Buffer.from("of the ciphertext").toString("base64");

    const put = (path: string, body?: string, headers: Record<string, string> = {}): Promise<Answer> =>
      send(server, server.admin, { method: "PUT", path, headers, ...(body === undefined ? {} : { body }) });
    const putJson = (path: string, body: unknown): Promise<Answer> => put(path, JSON.stringify(body));

    before(async () => {
      server = await startTestServer();
      for (const name of ["known", "other"])
        expect((await put(`/v1/key/create/${name}`)).status).to.equal(200);
      sealed = JSON.parse((await putJson("/v1/key/generate/known", { context })).body);
    });
    after(() => server.close());

    // Whatever was sent: the server lives, nothing was stored, and what was sealed before is opened.
    afterEach(async () => {
      const { status, body } = await putJson("/v1/key/decrypt/known", { ...sealed, context });
      expect(status).to.equal(200);
      expect(JSON.parse(body)).to.deep.equal({ plaintext: sealed.plaintext });
      const { body: list } = await send(server, server.admin, { method: "GET", path: "/v1/key/list/*" });
      expect(JSON.parse(list).names).to.deep.equal(["known", "other"]);
    });

    describe("that are no valid JSON", () => {
      const bodies: Readonly<Record<string, string>> = {
        empty: "",
        blank: " \r\n\t",
        "not JSON": "context=abc",
        "a byte order mark": "\ufeff{}",
        "cut off": '{"context":"YWJj',
        "a scalar": "42",
        text: '"YWJj"',
        "a lone brace": "{",
        "100,000 brackets": "[".repeat(100_000),
        "100,000 nested arrays": `${"[".repeat(100_000)}${"]".repeat(100_000)}`,
        "100,000 nested objects": `{${["context", "ciphertext", "plaintext", "message", "key"]
          .map((name) => `"${name}":${'{"a":'.repeat(20_000)}1${"}".repeat(20_000)}`)
          .join()}}`,
        "a number for bytes": '{"context":1,"ciphertext":1,"plaintext":1,"message":1,"key":1}',
        "an object for bytes": '{"context":{},"ciphertext":{},"plaintext":{},"message":{},"key":{}}',
        "true for bytes": '{"context":true,"ciphertext":true,"plaintext":true,"message":true,"key":true}',
        "numbers that are no bytes":
          '{"context":[256],"ciphertext":[-1],"plaintext":[0.5],"message":["a"],"key":[null]}',
        "bad base64": '{"context":"a","ciphertext":"a","plaintext":"a","message":"a","key":"a"}',
        "base64 of URLs": JSON.stringify(
          Object.fromEntries(
            ["context", "ciphertext", "plaintext", "message", "key"].map((k) => [k, "-_-_"]),
          ),
        ),
        "a member twice, the last one wrong":
          '{"context":"","context":1,"ciphertext":"","ciphertext":1,"plaintext":"","plaintext":1,"message":"","message":1,"key":"","key":1}',
      };
      for (const [what, body] of Object.entries(bodies)) {
        // Over HTTP/1.1 an empty body must be declared as one of unknown length: none at all means no context.
        const headers = body === "" && version === "HTTP/1.1" ? { "transfer-encoding": "chunked" } : {};
        it(`refuses a body that is ${what}`, async () => {
          for (const route of ROUTES) {
            const text = route.startsWith("bulk/") && /^\{.+\}$/.test(body) ? `[${body}]` : body;
            expectError(await put(pathOf(route), text, headers), malformed(route), [], route);
          }
        });
      }

      it("takes the last of two members of one name", async () => {
        const wrong = Buffer.from("wrong").toString("base64");
        const twice = (first: string, last: string): string =>
          `{"ciphertext":"${sealed.ciphertext}","context":"${first}","context":"${last}"}`;
        expect((await put("/v1/key/decrypt/known", twice(wrong, context))).status).to.equal(200);
        expectError(await put("/v1/key/decrypt/known", twice(context, wrong)), "DECRYPT_FAILED");
      });

      it("refuses an import with a wrong key or cipher", async () => {
        const key = randomBytes(32).toString("base64");
        const wrongSize = randomBytes(31).toString("base64");
        expectError(await putJson(pathOf("import"), { key, cipher: "DES" }), "ALGORITHM_UNSUPPORTED", [
          "DES",
        ]);
        expectError(
          await putJson(pathOf("import"), { key: wrongSize, cipher: "AES256" }),
          "KEY_SIZE_INVALID",
          ["AES256"],
        );
        expectError(await putJson(pathOf("import"), { key: "", cipher: "AES256" }), "KEY_SIZE_INVALID", [
          "AES256",
        ]);
      });
    });

    describe("that are too large", () => {
      it("answers 413 to a declared length above the limit, before the body came", async () => {
        for (const route of ROUTES) {
          const answer = await declare(send, server, pathOf(route), LIMIT + 1);
          expectError(answer, "BODY_TOO_LARGE", [LIMIT], route);
        }
      });

      it("answers 413 to a body of unknown length as soon as it is too large", async () => {
        for (const route of ROUTES) {
          expectError(await pour(send, server, pathOf(route)), "BODY_TOO_LARGE", [LIMIT], route);
        }
      });

      it("answers 413 to ten megabytes sent at once", async () => {
        expectError(await put("/v1/key/encrypt/known", "1".repeat(10_000_000)), "BODY_TOO_LARGE", [LIMIT]);
      });

      it("takes a body of exactly the limit, also in crumbs", async () => {
        const frame = '{"plaintext":""}';
        const size = Math.floor((LIMIT - frame.length) / 4) * 4;
        const body = `{"plaintext":"${"A".repeat(size)}"}`.padEnd(LIMIT);
        const { status, body: reply } = await put("/v1/key/encrypt/known", body);
        expect(status).to.equal(200);
        const opened = await put("/v1/key/decrypt/known", reply);
        // 44 bytes more than the plaintext do not fit into a body any more.
        expectError(opened, "BODY_TOO_LARGE", [LIMIT]);
        const small = `{"plaintext":"${"A".repeat(900_000)}"}`;
        const round = await put("/v1/key/encrypt/known", small);
        const back = await put("/v1/key/decrypt/known", round.body);
        expect(JSON.parse(back.body)).to.deep.equal(JSON.parse(small));
      });

      it("refuses more items than a bulk call may have", async () => {
        const items = Array.from({ length: 1_001 }, () => ({ ciphertext: "" }));
        expectError(await putJson(pathOf("bulk/decrypt"), items), "TOO_MANY_CIPHERTEXTS");
        expectError(await putJson(pathOf("bulk/generate"), items), "TOO_MANY_CIPHERTEXTS");
      });

      it("ignores a body where none is expected", async () => {
        expectError(await put("/v1/key/create/known", "x".repeat(3_000_000)), "KEY_EXISTS");
      });
    });

    describe("with ciphertexts that are not authentic", () => {
      it("gives the one error, whatever is wrong", async () => {
        const bytes = Buffer.from(sealed.ciphertext, "base64");
        const wrong: Buffer[] = [Buffer.alloc(0), Buffer.concat([bytes, Buffer.alloc(1)]), randomBytes(76)];
        for (let size = 1; size < bytes.length; size += 5) wrong.push(bytes.subarray(0, size));
        for (let bit = 0; bit < bytes.length * 8; bit += 29) {
          const flipped = Buffer.from(bytes);
          flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          wrong.push(flipped);
        }
        // Other forms of ciphertexts, with contents that fit nothing.
        wrong.push(
          Buffer.from('{"aead":"AES-256-GCM-HMAC-SHA-256","iv":"AA==","nonce":"AA==","bytes":"AA=="}'),
        );
        wrong.push(Buffer.from([0x95, 0xff, 0xff, 0xff]), Buffer.from("{".repeat(5_000)));
        const answers = await Promise.all(
          wrong.map((ciphertext) =>
            putJson("/v1/key/decrypt/known", { ciphertext: ciphertext.toString("base64"), context }),
          ),
        );
        for (const answer of answers) expectError(answer, "DECRYPT_FAILED");
      });

      it("gives the same error for another key and another context, single and in bulk", async () => {
        const { ciphertext } = sealed;
        expectError(await putJson("/v1/key/decrypt/other", { ciphertext, context }), "DECRYPT_FAILED");
        expectError(await putJson("/v1/key/decrypt/known", { ciphertext }), "DECRYPT_FAILED");
        expectError(
          await putJson("/v1/key/decrypt/known", { ciphertext, context: `${context.slice(0, -4)}AAAA` }),
          "DECRYPT_FAILED",
        );
        const good = { ciphertext, context };
        expect((await putJson("/v1/key/bulk/decrypt/known", [good, good])).status).to.equal(200);
        expectError(await putJson("/v1/key/bulk/decrypt/known", [good, { ciphertext }]), "DECRYPT_FAILED");
      });
    });
  });
}

describe("e2e: hostile framing of bodies over HTTP/1.1", () => {
  let server: TestServer;
  before(async () => {
    server = await startTestServer();
    await overHttp1(server, server.admin, { method: "PUT", path: "/v1/key/create/known" });
  });
  after(() => server.close());

  const head = "PUT /v1/key/generate/known HTTP/1.1\r\nhost: a\r\n";
  const framings: Readonly<Record<string, string>> = {
    "two lengths": `${head}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`,
    "a length and chunks": `${head}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`,
    "a negative length": `${head}content-length: -1\r\n\r\n{}`,
    "a length that overflows": `${head}content-length: 99999999999999999999999\r\n\r\n{}`,
    "a length with a sign": `${head}content-length: +2\r\n\r\n{}`,
    "an unknown transfer coding": `${head}transfer-encoding: gzip\r\n\r\n{}`,
    "a chunk size that is none": `${head}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`,
    "a bare line feed in a header": `${head}x: a\nb\r\ncontent-length: 2\r\n\r\n{}`,
    "a NUL in a header": `${head}x: a\0b\r\ncontent-length: 2\r\n\r\n{}`,
  };
  for (const [what, bytes] of Object.entries(framings)) {
    it(`closes a connection that sends ${what}`, async () => {
      const socket = await overH1(server);
      socket.write(`${bytes}GET /version HTTP/1.1\r\nhost: a\r\n\r\n`);
      const { text } = await untilClosed(socket);
      // No second answer: whatever followed must not be taken for a request of its own.
      expect(text).not.to.include("0.0.0-test");
      expect(text).not.to.include("plaintext");
    });
  }

  it("sends 100 Continue only for a body that it wants", async () => {
    const wanted = await overH1(server);
    wanted.write(`${head}expect: 100-continue\r\ncontent-length: 2\r\n\r\n`);
    const first = await new Promise((resolve) => wanted.once("data", resolve));
    expect(String(first)).to.equal("HTTP/1.1 100 Continue\r\n\r\n");
    wanted.write("{}");
    expect((await readAnswer(wanted)).status).to.equal(200);
    wanted.destroy();
    const unwanted = await overH1(server);
    unwanted.write(`${head}expect: 100-continue\r\ncontent-length: 2000000\r\n\r\n`);
    expect((await readAnswer(unwanted)).status).to.equal(413);
    unwanted.destroy();
  });
});

function expectError(answer: Answer, code: ErrorCode, values: readonly unknown[] = [], what = ""): void {
  const [status, template] = errorCatalogue[code];
  let next = 0;
  const message = template.replace(/%s/g, () => String(values[next++]));
  expect({ status: answer.status, body: answer.body }, what).to.deep.equal({
    status,
    body: `{"message":${JSON.stringify(message)}\n}`,
  });
}

/** Declares a body of `length` bytes, sends none of it, and waits for the answer. */
async function declare(send: Send, server: TestServer, path: string, length: number): Promise<Answer> {
  if (send === overHttp1) {
    const socket = await overH1(server);
    socket.write(`PUT ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`);
    const { status, body } = await readAnswer(socket);
    socket.destroy();
    return { status, headers: {}, body: body.toString() };
  }
  return stream(server, path, { "content-length": String(length) }, 0);
}

/** Sends a body of unknown length until there is an answer. */
async function pour(send: Send, server: TestServer, path: string): Promise<Answer> {
  if (send !== overHttp1) return stream(server, path, {}, LIMIT * 3);
  const socket = await overH1(server);
  socket.write(`PUT ${path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n`);
  const answer = readAnswer(socket);
  const chunk = `10000\r\n${" ".repeat(0x10000)}\r\n`;
  for (let i = 0; i < 40 && !socket.destroyed; i++) socket.write(chunk);
  const { status, body } = await answer;
  socket.destroy();
  return { status, headers: {}, body: body.toString() };
}

function stream(
  server: TestServer,
  path: string,
  headers: Readonly<Record<string, string>>,
  bytes: number,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { certPem: cert, keyPem: key } = server.admin;
    const session = connect(server.url, { ca: server.ca.certPem, cert, key });
    session.on("error", reject);
    const request = session.request({ ":method": "PUT", ":path": path, ...headers }, { endStream: false });
    let status = 0;
    let body = "";
    request.on("response", (got) => {
      status = Number(got[":status"]);
    });
    request.setEncoding("utf8").on("data", (text: string) => {
      body += text;
    });
    request.on("error", () => undefined);
    request.on("end", () => {
      session.destroy();
      resolve({ status, headers: {}, body });
    });
    if (bytes > 0) request.write(" ".repeat(bytes));
  });
}
