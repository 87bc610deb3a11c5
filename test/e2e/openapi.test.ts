/** The answers of a running server are those that its own `/openapi.json` promises. */
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import { identity } from "../../src/names.js";
import { selfSigned } from "../support/certificates.js";
import { type Answer, overHttp2 } from "../support/send.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

type Node = { readonly [name: string]: Node };

interface Step {
  readonly method: string;
  /** Path as in the document, and what stands for its parameter. */
  readonly path: string;
  readonly argument?: string;
  readonly body?: object;
  readonly status: number;
}

const base64 = (text: string): string => Buffer.from(text).toString("base64");
const holder = selfSigned({ cn: "holder" });

/** In order: later steps need what earlier ones made. */
const steps: readonly Step[] = [
  { method: "get", path: "/version", status: 200 },
  { method: "get", path: "/v1/ready", status: 200 },
  { method: "get", path: "/v1/status", status: 200 },
  { method: "get", path: "/v1/metrics", status: 200 },
  { method: "get", path: "/v1/metrics/full", status: 200 },
  { method: "get", path: "/v1/ready/verbose", status: 200 },
  { method: "get", path: "/v1/api", status: 200 },
  { method: "put", path: "/v1/key/create/{name}", argument: "a", status: 200 },
  { method: "post", path: "/v1/key/create/{name}", argument: "a", status: 400 },
  { method: "put", path: "/v1/key/create/{name}", argument: "a.b", status: 400 },
  {
    method: "put",
    path: "/v1/key/import/{name}",
    argument: "b",
    body: { key: base64("0123456789abcdef0123456789abcdef"), cipher: "AES256" },
    status: 200,
  },
  {
    method: "put",
    path: "/v1/key/import/{name}",
    argument: "c",
    body: { key: base64("short"), cipher: "AES256" },
    status: 406,
  },
  { method: "get", path: "/v1/key/describe/{name}", argument: "a", status: 200 },
  { method: "get", path: "/v1/key/describe/{name}", argument: "missing", status: 404 },
  { method: "get", path: "/v1/key/list/{pattern}", argument: "*", status: 200 },
  { method: "get", path: "/v1/key/list/{pattern}", argument: "a*b", status: 400 },
  { method: "put", path: "/v1/key/generate/{name}", argument: "a", status: 200 },
  {
    method: "put",
    path: "/v1/key/encrypt/{name}",
    argument: "a",
    body: { plaintext: base64("x") },
    status: 200,
  },
  {
    method: "put",
    path: "/v1/key/decrypt/{name}",
    argument: "a",
    body: { ciphertext: base64("x") },
    status: 400,
  },
  { method: "put", path: "/v1/key/hmac/{name}", argument: "a", body: { message: base64("x") }, status: 200 },
  { method: "put", path: "/v1/key/bulk/generate/{name}", argument: "a", body: [{}, {}], status: 200 },
  { method: "put", path: "/v1/key/bulk/decrypt/{name}", argument: "a", body: [], status: 200 },
  { method: "put", path: "/v1/key/encrypt/{name}", argument: "a", body: { plaintext: 1 }, status: 400 },
  {
    method: "put",
    path: "/v1/key/encrypt/{name}",
    argument: "a",
    body: { plaintext: "A".repeat(1_000_000) },
    status: 413,
  },
  { method: "get", path: "/v1/policy/describe/{name}", argument: "p", status: 200 },
  { method: "get", path: "/v1/policy/read/{name}", argument: "p", status: 200 },
  { method: "get", path: "/v1/policy/read/{name}", argument: "q", status: 404 },
  { method: "get", path: "/v1/policy/list/{pattern}", argument: "*", status: 200 },
  { method: "get", path: "/v1/identity/describe/{identity}", argument: holder.identity, status: 200 },
  { method: "get", path: "/v1/identity/describe/{identity}", argument: "0".repeat(64), status: 404 },
  { method: "get", path: "/v1/identity/list/{pattern}", argument: "*", status: 200 },
  { method: "get", path: "/v1/identity/self/describe", status: 200 },
  // This server has no file to read again.
  { method: "put", path: "/v1/server/reload", status: 500 },
  { method: "put", path: "/v1/key/changed/{name}", argument: "a", status: 200 },
  { method: "delete", path: "/v1/key/delete/{name}", argument: "a", status: 200 },
  { method: "delete", path: "/v1/key/delete/{name}", argument: "a", status: 404 },
];

describe("answers against openapi.json", () => {
  let server: TestServer;
  let document: Node;
  const ajv = new Ajv2020({ strict: true, formats: { "date-time": true } });

  before(async () => {
    const named = identity(holder.identity);
    server = await startTestServer({
      policies: { p: { allow: ["/v1/key/create/*"], identities: named ? [named] : [] } },
    });
    document = JSON.parse(
      (await overHttp2(server, server.admin, { method: "GET", path: "/openapi.json" })).body,
    );
  });
  after(() => server.close());

  function follow(node: Node | undefined): Node {
    const ref: unknown = node?.$ref;
    if (typeof ref !== "string") return node ?? {};
    return ref
      .slice(2)
      .split("/")
      .reduce((at: Node, name) => at[name] ?? {}, document);
  }

  /** The response that the document has for an answer. */
  function promised(method: string, path: string, status: number): Node {
    const node = document.paths?.[path]?.[method]?.responses?.[status];
    expect(node, `${method} ${path} ${status}`).to.be.an("object");
    return follow(node);
  }

  function check(answer: Answer, response: Node): void {
    expect(answer.headers).to.include.keys(
      ...Object.keys(response.headers ?? {}).map((name) => name.toLowerCase()),
    );
    if (response.content === undefined) {
      expect(answer.body).to.equal("");
      return;
    }
    const type = String(answer.headers["content-type"]);
    expect(Object.keys(response.content)).to.deep.equal([type]);
    const isValid = ajv.compile(follow(response.content[type]?.schema));
    const value: unknown = type === "application/json" ? JSON.parse(answer.body) : answer.body;
    expect(isValid(value), JSON.stringify(isValid.errors)).to.equal(true);
    if (answer.status === 200) return;
    // The message is one of the examples, but for the values that the request brought.
    const messages = Object.values(response.content[type]?.examples ?? {}).map((example) =>
      String(follow(example).value?.message).replace(/'[^']*'/g, "''"),
    );
    expect(messages).to.include(String((value as Node).message).replace(/'[^']*'/g, "''"));
  }

  for (const { method, path, argument, body, status } of steps) {
    it(`${method} ${path} ${argument?.slice(0, 8) ?? ""} gives the ${status} that is described`, async () => {
      const answer = await overHttp2(server, server.admin, {
        method: method.toUpperCase(),
        path: path.replace(/\{\w+\}/, argument ?? ""),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      expect(answer.status, answer.body).to.equal(status);
      check(answer, promised(method, path, status));
    });
  }

  it("refuses a stranger as described, on every route that asks who calls", async () => {
    const stranger = selfSigned({ cn: "stranger" });
    for (const [path, item] of Object.entries(document.paths ?? {})) {
      const [method = ""] = Object.keys(item);
      if (path === "/version" || path === "/v1/identity/self/describe") continue;
      const answer = await overHttp2(server, stranger, {
        method: method.toUpperCase(),
        path: path.replace(/\{\w+\}/, "x"),
      });
      expect(answer.status, path).to.equal(403);
      check(answer, promised(method, path, 403));
    }
  });

  it("describes the caller without identity in policy as not found", async () => {
    const stranger = selfSigned({ cn: "stranger" });
    const path = "/v1/identity/self/describe";
    const answer = await overHttp2(server, stranger, { method: "GET", path });
    expect(answer.status).to.equal(404);
    check(answer, promised("get", path, 404));
  });

  it("covers every route that answers and ends", () => {
    const asked = new Set(steps.map(({ path }) => path));
    const left = Object.keys(document.paths ?? {}).filter((path) => !asked.has(path));
    expect(
      left.every((path) => path.startsWith("/v1/log/")),
      left.join(),
    ).to.equal(true);
  });
});
