import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import fc from "fast-check";
import { openApiDocument } from "../../../src/api/openapi.js";
import { type Route, route } from "../../../src/api/route.js";
import { routes } from "../../../src/api/routes.js";
import { object } from "../../../src/api/wire.js";
import { errorCatalogue } from "../../../src/errors.js";
import { isName } from "../../../src/names.js";

type Node = { readonly [name: string]: Node };

/** As a client reads it: through JSON. */
const read = (table: readonly Route[]): Node => JSON.parse(JSON.stringify(openApiDocument(table, "1.2.3")));
const document = read(routes);

/** What `$ref` points to. */
function follow(node: Node | undefined, within = document): Node {
  const ref: unknown = node?.$ref;
  if (typeof ref !== "string") return node ?? {};
  return ref
    .slice(2)
    .split("/")
    .reduce((at: Node, name) => at[name] ?? {}, within);
}

interface Operation {
  readonly path: string;
  readonly method: string;
  readonly node: Node;
}

function operationsOf(of: Node): Operation[] {
  return Object.entries(of.paths ?? {}).flatMap(([path, item]) =>
    Object.entries(item).map(([method, node]) => ({ path, method, node })),
  );
}

const operations = operationsOf(document);

/** Status → codes, of one operation. */
function failuresOf(node: Node | undefined, within = document): Record<string, string[]> {
  return Object.fromEntries(
    Object.entries(node?.responses ?? {})
      .filter(([status]) => status !== "200")
      .map(([status, response]) => {
        const { content } = follow(response, within);
        return [status, Object.keys(content?.["application/json"]?.examples ?? {}).sort()];
      }),
  );
}

describe("openApiDocument", () => {
  it("says what this is", () => {
    expect(document).to.include({ openapi: "3.1.0" });
    expect(document.info).to.include({ title: "Keswick", version: "1.2.3" });
    expect(document.info?.license).to.deep.equal({ name: "Apache License 2.0", identifier: "Apache-2.0" });
    expect(document.security).to.deep.equal([{ mutualTLS: [] }]);
    expect(document.components?.securitySchemes?.mutualTLS).to.include({ type: "mutualTLS" });
  });

  it("has every route, PUT also as POST, and nothing else", () => {
    const wanted = routes.flatMap(({ method, path }) =>
      (method === "PUT" ? ["put", "post"] : [method.toLowerCase()]).map((verb) => `${verb} ${path}`),
    );
    const found = operations.map(({ method, path }) => `${method} ${path.replace(/\{\w+\}$/, "")}`);
    expect(found.sort()).to.deep.equal(wanted.sort());
  });

  it("names every operation once, and every group", () => {
    const ids = operations.map(({ node }) => String(node.operationId));
    expect(new Set(ids).size).to.equal(ids.length);
    for (const id of ids) expect(id).to.match(/^[a-z][A-Za-z]+$/);
    expect(ids).to.include.members([
      "version",
      "keyCreate",
      "keyCreatePost",
      "keyBulkDecrypt",
      "identitySelfDescribe",
    ]);
    const tags = Object.values(document.tags ?? {}).map((tag) => [String(tag.name), typeof tag.description]);
    expect(tags).to.have.deep.members(
      ["status", "key", "policy", "identity", "log", "server"].map((name) => [name, "string"]),
    );
  });

  it("declares the parameter of a path, and no other", () => {
    for (const { path, node } of operations) {
      const names = [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]);
      const all = Object.values(node.parameters ?? {});
      const declared = all.filter((parameter) => String(parameter.in) === "path");
      const others = all.filter((parameter) => String(parameter.in) !== "path");
      const wanted = path.includes("/bulk/") ? [{ name: "partial", in: "query" }] : [];
      expect(
        others.map(({ name, in: place }) => ({ name, in: place })),
        path,
      ).to.deep.equal(wanted);
      expect(
        declared.map((parameter) => parameter.name),
        path,
      ).to.deep.equal(names);
      for (const parameter of declared) expect(parameter).to.include({ in: "path", required: true });
    }
    const parameterOf = (path: string) => document.paths?.[path]?.get?.parameters?.[0]?.name;
    expect(parameterOf("/v1/key/describe/{name}")).to.equal("name");
    expect(parameterOf("/v1/identity/describe/{identity}")).to.equal("identity");
    expect(parameterOf("/v1/key/list/{pattern}")).to.equal("pattern");
  });

  it("knows a name as the server does", () => {
    const schema = document.paths?.["/v1/key/create/{name}"]?.put?.parameters?.[0]?.schema;
    const isValid = new Ajv2020().compile(schema ?? {});
    const text = fc.oneof(fc.stringMatching(/^[\w-]{0,82}$/), fc.string({ maxLength: 90 }));
    fc.assert(fc.property(text, (name) => isValid(name) === isName(name)));
    expect([isValid("a".repeat(80)), isValid("a".repeat(81)), isValid("_"), isValid("")]).to.deep.equal([
      true,
      false,
      false,
      false,
    ]);
  });

  it("takes bodies as the routes do", () => {
    const bodyOf = (path: string) => document.paths?.[path]?.put?.requestBody;
    expect(bodyOf("/v1/key/create/{name}")).to.equal(undefined);
    expect(bodyOf("/v1/key/generate/{name}")?.required).to.equal(false);
    expect(bodyOf("/v1/key/decrypt/{name}")?.required).to.equal(true);
    expect(bodyOf("/v1/key/bulk/decrypt/{name}")?.content?.["application/json"]?.schema).to.deep.include({
      type: "array",
      maxItems: 1000,
    });
    for (const { path, node } of operations.filter(({ method }) => method === "put")) {
      const alias = document.paths?.[path]?.post;
      expect(alias?.requestBody, path).to.deep.equal(node.requestBody);
      expect(alias?.responses, path).to.deep.equal(node.responses);
    }
  });

  it("gives each reply its media type", () => {
    const typesOf = (path: string, method = "get") =>
      Object.keys(document.paths?.[path]?.[method]?.responses?.["200"]?.content ?? {});
    expect(typesOf("/v1/status")).to.deep.equal(["application/json"]);
    expect(typesOf("/v1/metrics")).to.deep.equal(["text/plain; version=0.0.4; charset=utf-8"]);
    expect(typesOf("/v1/log/audit")).to.deep.equal(["application/x-ndjson"]);
    expect(typesOf("/v1/key/create/{name}", "put")).to.deep.equal([]);
  });

  it("asks for a certificate where the route does", () => {
    for (const { path, node } of operations) {
      expect(node.security, path).to.deep.equal(path === "/version" ? [] : undefined);
    }
  });

  describe("failures", () => {
    const sealing = route<{ message: Buffer }>({
      method: "PUT",
      path: "/v1/key/example/",
      argument: "key-name",
      maxBodyBytes: 77,
      body: object({ message: "bytes" }),
      doc: { summary: "Example", errors: ["KEY_EXISTS", "KEY_READ_FAILED"] },
      handle: () => undefined,
    });

    it("are those of the route and those of the pipeline", () => {
      const made = read([sealing]);
      expect(failuresOf(made.paths?.["/v1/key/example/{name}"]?.put, made)).to.deep.equal({
        "400": [
          "CERTIFICATE_AMBIGUOUS",
          "CERTIFICATE_REQUIRED",
          "KEY_EXISTS",
          "KEY_NAME_INVALID",
          "PROXY_CERTIFICATE_AMBIGUOUS",
          "PROXY_CERTIFICATE_INVALID",
          "PROXY_CERTIFICATE_MISSING",
        ],
        "403": ["NOT_AUTHORIZED"],
        "405": ["METHOD_NOT_ALLOWED.PUT"],
        "408": ["BODY_TIMEOUT"],
        "413": ["BODY_TOO_LARGE.77"],
        "500": ["INTERNAL"],
        "502": ["KEY_READ_FAILED"],
        "503": ["KEYSTORE_BUSY"],
        "504": ["KEYSTORE_TIMEOUT"],
      });
      const { examples } = made.components ?? {};
      expect(examples?.["BODY_TOO_LARGE.77"]?.value?.message).to.equal(
        "request body is too large: the limit is 77 bytes",
      );
      expect(examples?.["METHOD_NOT_ALLOWED.PUT"]?.value?.message).to.equal(
        "received method 'PATCH' expected 'PUT'",
      );
    });

    it("leave out what cannot happen", () => {
      expect(failuresOf(document.paths?.["/version"]?.get)).to.deep.equal({
        "400": ["PROXY_CERTIFICATE_AMBIGUOUS", "PROXY_CERTIFICATE_INVALID"],
        "403": ["NOT_AUTHORIZED"],
        "405": ["METHOD_NOT_ALLOWED.GET"],
        "500": ["INTERNAL"],
      });
      const made = read([{ ...sealing, timeoutMs: 0 }]);
      expect(failuresOf(made.paths?.["/v1/key/example/{name}"]?.put, made)).to.not.have.property("408");
    });

    it("include every failure that a route declares, under its status", () => {
      for (const { path, argument, method, doc } of routes) {
        const template = Object.keys(document.paths ?? {}).find(
          (known) => known.replace(/\{\w+\}$/, "") === path && known.includes("{") === (argument !== "none"),
        );
        const found = failuresOf(document.paths?.[template ?? ""]?.[method.toLowerCase()]);
        for (const code of doc.errors ?? []) expect(found[errorCatalogue[code][0]], path).to.include(code);
      }
    });

    it("show messages as the server writes them", () => {
      const shown = Object.entries(document.components?.examples ?? {});
      expect(shown).to.have.length.above(20);
      for (const [name, { value }] of shown) {
        const code = Object.keys(errorCatalogue).find((known) => known === name.split(".")[0]);
        const template = errorCatalogue[code as keyof typeof errorCatalogue][1];
        const message = String(value?.message);
        const literal = template.split("%s").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
        expect(message).to.match(new RegExp(`^${literal.join("[^']+")}$`));
      }
    });
  });

  it("refers to nothing that is missing", () => {
    const refs: Node[] = [];
    JSON.stringify(document, (_name, value: unknown) => {
      if (typeof value === "object" && value !== null && "$ref" in value) refs.push(value as Node);
      return value;
    });
    expect(refs.length).to.be.above(100);
    for (const ref of refs) expect(Object.keys(follow(ref)), String(ref.$ref)).to.not.deep.equal([]);
  });

  it("holds schemas that are JSON Schema", () => {
    const ajv = new Ajv2020({ strict: true, allowUnionTypes: true, formats: { "date-time": true } });
    let count = 0;
    JSON.stringify(document.paths, (name, value: unknown) => {
      if (name === "schema" && typeof value === "object" && value !== null && !("$ref" in value)) {
        ajv.compile(value);
        count++;
      }
      return value;
    });
    expect(count).to.be.above(50);
  });
});
