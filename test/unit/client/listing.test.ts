import { expect } from "chai";
import fc from "fast-check";
import type { KesClient } from "../../../src/client/client.js";
import type { ApiReply } from "../../../src/client/transport.js";
import { decodePattern, encodeContinuation } from "../../../src/keystore/listing.js";
import { type KeyName, keyName, patternPrefix } from "../../../src/names.js";
import { clientOver, type FakeTransport, refusal, reply } from "../../support/fake-transport.js";

async function all(names: AsyncIterable<string>): Promise<string[]> {
  const found: string[] = [];
  for await (const name of names) found.push(name);
  return found;
}

async function codeOf(names: AsyncIterable<string>): Promise<unknown> {
  return all(names).then(
    () => "resolved",
    (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
  );
}

/** A server of today with `names` in pages of `size`. */
function today(names: readonly string[], size: number): { client: KesClient; transport: FakeTransport } {
  const keys = names.map((name) => keyName(name)).filter((name): name is KeyName => name !== undefined);
  return clientOver(({ path }) => {
    const argument = decodeURIComponent(path.slice("/v1/key/list/".length));
    const wanted = decodePattern(argument);
    if (wanted === undefined)
      return refusal(400, `listing pattern '${argument}' is empty, too long or is invalid`);
    const { prefix, after } = wanted;
    const rest = keys.filter((key) => key.startsWith(prefix) && (after === undefined || key > after)).sort();
    const page = rest.slice(0, size);
    const last = page.at(-1);
    const more = rest.length > size && last !== undefined;
    return reply({ names: page, ...(more ? { continue_at: encodeContinuation(prefix, last) } : {}) });
  });
}

/** A server before 2023-11: globs, and one JSON object a line. */
function older(names: readonly string[], end = ""): { client: KesClient; transport: FakeTransport } {
  return clientOver(({ path }) => {
    const glob = decodeURIComponent(path.slice("/v1/key/list/".length));
    if (glob === "") return refusal(400, "invalid argument: pattern is empty");
    const matches = (name: string): boolean =>
      glob.endsWith("*") ? name.startsWith(glob.slice(0, -1)) : name === glob;
    const lines = names.filter(matches).map((name) => `${JSON.stringify({ name })}\n`);
    return reply(Buffer.from(lines.join("") + end), { contentType: "application/x-ndjson" });
  });
}

/** KES of 2024 and later: a token is the next name, and read as a prefix; a star is part of a name. */
function kes(names: readonly string[], size: number): { client: KesClient; transport: FakeTransport } {
  return clientOver(({ path }) => {
    const pattern = decodeURIComponent(path.slice("/v1/key/list/".length));
    if (patternPrefix(pattern) === undefined)
      return refusal(400, `listing pattern '${pattern}' is empty, too long or is invalid`);
    const found = names.filter((one) => one.startsWith(pattern === "*" ? "" : pattern)).sort();
    return reply({
      names: found.slice(0, size),
      ...(found.length > size ? { continue_at: found[size] } : {}),
    });
  });
}

const name = fc.stringMatching(/^[a-c][a-c_-]{0,4}[a-c]$/);

describe("listings", () => {
  it("give every name once over all pages, from servers of today", async () => {
    const prefix = fc
      .stringMatching(/^[a-c_]?[a-c-]{0,2}$/)
      .filter((text) => patternPrefix(`${text}*`) !== undefined);
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(name),
        prefix,
        fc.integer({ min: 1, max: 4 }),
        async (names, start, size) => {
          const { client } = today(names, size);
          const wanted = names.filter((item) => item.startsWith(start)).sort();
          expect(await all(client.listKeys({ prefix: start }))).to.deep.equal(wanted);
          expect(await all(client.listKeys({ prefix: `${start}*` }))).to.deep.equal(wanted);
        },
      ),
    );
  });

  it("give the same from older servers", async () => {
    const { client } = older(["b", "my-key", "my-a", "my", "mx"]);
    expect(await all(client.listKeys())).to.deep.equal(["b", "my-key", "my-a", "my", "mx"]);
    expect(await all(client.listKeys({ prefix: "my" }))).to.deep.equal(["my-key", "my-a", "my"]);
    expect(await all(client.listKeys({ prefix: "my-" }))).to.deep.equal(["my-key", "my-a"]);
    expect(await all(client.listKeys({ prefix: "no" }))).to.deep.equal([]);
  });

  it("give the same from original servers", async () => {
    const { client } = kes(["b", "my-key", "my-a", "my", "mx", "_a", "__"], 10);
    expect(await all(client.listKeys({ prefix: "my" }))).to.deep.equal(["my", "my-a", "my-key"]);
    expect(await all(client.listKeys({ prefix: "my-" }))).to.deep.equal(["my-a", "my-key"]);
    expect(await all(client.listKeys({ prefix: "_" }))).to.deep.equal(["__", "_a"]);
    expect(await all(client.listKeys({ prefix: "no-" }))).to.deep.equal([]);
  });

  it("do not keep silent about names that original servers lose", async () => {
    const { client } = kes(["a", "b", "ba", "c", "d"], 1);
    const found: string[] = [];
    const failure = await (async () => {
      for await (const one of client.listKeys()) found.push(one);
    })().catch((error: unknown) => error);
    expect(found).to.deep.equal(["a", "b", "ba"].slice(0, found.length));
    expect(failure).to.include({ code: "ANSWER_UNEXPECTED", status: 200 });
    expect(String(failure)).to.include("list longer prefixes");
  });

  it("follow plain names as tokens where the server pages by them", async () => {
    const sorted = ["a", "b", "c", "d", "e"];
    const { client } = clientOver(({ path }) => {
      const token = decodeURIComponent(path.slice("/v1/key/list/".length));
      const rest = token === "*" ? sorted : sorted.filter((one) => one >= token);
      return reply({ names: rest.slice(0, 2), ...(rest.length > 2 ? { continue_at: rest[2] } : {}) });
    });
    expect(await all(client.listKeys()).catch((error: Error) => error.message)).to.include("after 'e'");
    sorted.push("f");
    expect(await all(client.listKeys())).to.deep.equal(sorted);
  });

  it("ask page by page, as they are read", async () => {
    const { client, transport } = today(["a", "b", "c", "d"], 1);
    for await (const found of client.listKeys()) if (found === "b") break;
    expect(transport.calls).to.deep.equal(["GET /v1/key/list/%2A", "GET /v1/key/list/~a"]);
    expect(transport.requests[0]?.timeoutMs).to.equal(30_000);
  });

  it("read policies and identities from their own members", async () => {
    const { client } = clientOver(({ path }) =>
      path.startsWith("/v1/policy/")
        ? reply({ names: ["p"], continue_at: "" })
        : reply({ identities: ["3ecf"] }),
    );
    expect(await all(client.listPolicies())).to.deep.equal(["p"]);
    expect(await all(client.listIdentities())).to.deep.equal(["3ecf"]);
  });

  it("end on an empty page, whatever the token, and take null for one", async () => {
    const { client, transport } = clientOver(() => reply({ names: [], continue_at: "more" }));
    expect(await all(client.listKeys())).to.deep.equal([]);
    expect(transport.calls.length).to.equal(1);
    expect(await all(clientOver(() => reply({ names: null })).client.listKeys())).to.deep.equal([]);
  });

  it("end when the server leads in a circle", async () => {
    let page = 0;
    const { client, transport } = clientOver(() => reply({ names: ["a"], continue_at: `~${page++ % 3}` }));
    expect(await codeOf(client.listKeys())).to.equal("ANSWER_INVALID");
    expect(transport.calls.length).to.equal(4);
  });

  it("tell of a failure half-way", async () => {
    const { client } = older(["a"], '{"error":"disk \\u001b[31mfailed"}\n');
    const failure = await all(client.listKeys()).catch((error: unknown) => error);
    expect(failure).to.include({ code: "ANSWER_UNEXPECTED", status: 502, message: "disk \ufffd[31mfailed" });
  });

  it("refuse patterns before anything is sent", async () => {
    const { client, transport } = today([], 1);
    for (const prefix of ["a.b", "-a", "a*b", "..", "a".repeat(81)])
      expect(await codeOf(client.listKeys({ prefix })), prefix).to.equal("PATTERN_INVALID");
    expect(transport.calls).to.deep.equal([]);
  });

  for (const [what, answer] of [
    ["no JSON", reply(Buffer.from("<html>"))],
    ["a list", reply([])],
    ["names that are none", reply({ names: [1] })],
    ["a name with control characters", reply({ names: ["a\u001b[2J"] })],
    ["names without list", reply({ names: "a" })],
    ["a token that is none", reply({ names: ["a"], continue_at: 1 })],
    ["a token that climbs", reply({ names: ["a"], continue_at: ".." })],
    ["an endless token", reply({ names: ["a"], continue_at: "x".repeat(2000) })],
    ["a token that is no text", reply(Buffer.from('{"names":["a"],"continue_at":"\\ud800"}'))],
    ["broken lines", reply(Buffer.from('{"name":"a"}\n{"na'), { contentType: "application/x-ndjson" })],
  ] satisfies [string, ApiReply][]) {
    it(`refuse ${what}`, async () => {
      expect(await codeOf(clientOver(() => answer).client.listKeys())).to.equal("ANSWER_INVALID");
    });
  }
});
