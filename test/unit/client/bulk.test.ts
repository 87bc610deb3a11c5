import { expect } from "chai";
import { KesError } from "../../../src/errors.js";
import { clientOver, type Handler, refusal, reply } from "../../support/fake-transport.js";

function itemsOf(body: Uint8Array | undefined): { ciphertext?: string; context?: string }[] {
  const items: unknown = JSON.parse(Buffer.from(body ?? []).toString());
  if (!Array.isArray(items)) throw new Error("no list");
  return items;
}

/** Seals nothing: the "ciphertext" is its context in base64, padded to a size that passes. */
const echo: Handler = ({ path, body }) =>
  reply(
    itemsOf(body).map(({ ciphertext, context }) =>
      path.includes("generate")
        ? {
            plaintext: Buffer.alloc(32).toString("base64"),
            ciphertext: Buffer.alloc(48, context).toString("base64"),
          }
        : { plaintext: ciphertext },
    ),
  );

describe("bulk calls", () => {
  it("split what is more than a server takes at once, and keep the order", async () => {
    const { client, transport } = clientOver(echo);
    const sealed = Array.from({ length: 2345 }, (_, i) => ({ ciphertext: Buffer.from(`item ${i}`) }));
    const opened = await client.bulkDecrypt("k", sealed);
    expect(opened.map(String)).to.deep.equal(sealed.map(({ ciphertext }) => String(ciphertext)));
    expect(transport.requests.map(({ body }) => itemsOf(body).length)).to.deep.equal([1000, 1000, 345]);
    expect(transport.calls[0]).to.equal("POST /v1/key/bulk/decrypt/k");
  });

  it("split by size as well", async () => {
    const { client, transport } = clientOver(echo);
    const contexts = Array.from({ length: 300 }, () => Buffer.alloc(6000, 1));
    expect((await client.bulkGenerate("k", contexts)).length).to.equal(300);
    for (const { body } of transport.requests) expect(body?.length).to.be.at.most(1_000_000);
    expect(transport.requests.length).to.equal(3);
  });

  it("send contexts in their canonical form, and nothing for none", async () => {
    const { client, transport } = clientOver(echo);
    await client.bulkGenerate("k", [{ b: "o" }, undefined, new Uint8Array(), {}]);
    expect(itemsOf(transport.requests[0]?.body)).to.deep.equal([
      { context: Buffer.from('{"b":"o"}').toString("base64") },
      {},
      {},
      { context: "e30=" },
    ]);
  });

  it("ask nothing for nothing", async () => {
    const { client, transport } = clientOver(echo);
    expect(await client.bulkGenerate("k", [])).to.deep.equal([]);
    expect(transport.calls).to.deep.equal([]);
  });

  it("refuse an item that no server takes", async () => {
    const { client, transport } = clientOver(echo);
    const failure = await client
      .bulkDecrypt("k", [{ ciphertext: Buffer.alloc(750_001) }])
      .catch((e: unknown) => e);
    expect(failure).to.include({ code: "BODY_TOO_LARGE" });
    expect(transport.calls).to.deep.equal([]);
  });

  it("refuse an answer of another length", async () => {
    const { client } = clientOver(() => reply([{ plaintext: "AA==" }]));
    const two = [{ ciphertext: Buffer.alloc(48) }, { ciphertext: Buffer.alloc(48) }];
    expect(await client.bulkDecrypt("k", two).catch((e: unknown) => e)).to.include({
      code: "ANSWER_INVALID",
    });
  });

  for (const absent of [
    refusal(501, "not implemented"),
    reply(Buffer.from("404 page not found\n"), { status: 404, contentType: "text/plain; charset=utf-8" }),
  ]) {
    it(`ask one by one where the server has no bulk calls: ${absent.status}`, async () => {
      let atOnce = 0;
      let most = 0;
      const { client, transport } = clientOver(async ({ path, body }) => {
        if (path.includes("/bulk/")) return absent;
        most = Math.max(most, ++atOnce);
        const { ciphertext } = JSON.parse(String(body));
        const turns = Number(Buffer.from(ciphertext, "base64")) % 7;
        for (let i = 0; i < turns; i++) await Promise.resolve();
        atOnce--;
        return reply({ plaintext: ciphertext });
      });
      const sealed = Array.from({ length: 1234 }, (_, i) => ({ ciphertext: Buffer.from(String(i)) }));
      const opened = await client.bulkDecrypt("k", sealed);
      expect(opened.map(String)).to.deep.equal(sealed.map((_, i) => String(i)));
      expect(transport.calls.length).to.equal(1235);
      expect(most).to.be.within(2, 16);
    });
  }

  it("stop asking one by one at the first failure", async () => {
    const { client, transport } = clientOver(({ path, body }) => {
      if (path.includes("/bulk/")) return refusal(501, "not implemented");
      const { ciphertext } = JSON.parse(String(body));
      return ciphertext === "Mw=="
        ? refusal(400, "decryption failed: ciphertext is not authentic")
        : reply({ plaintext: ciphertext });
    });
    const sealed = Array.from({ length: 500 }, (_, i) => ({ ciphertext: Buffer.from(String(i)) }));
    expect(await client.bulkDecrypt("k", sealed).catch((e: unknown) => e)).to.include({
      code: "DECRYPT_FAILED",
    });
    expect(transport.calls.length).to.be.below(100);
  });

  it("do not ask one by one for want of permission", async () => {
    const { client, transport } = clientOver(() => refusal(403, "not authorized: insufficient permissions"));
    const failure = await client.bulkGenerate("k", [undefined]).catch((e: unknown) => e);
    expect(failure).to.include({ code: "NOT_AUTHORIZED" });
    expect(transport.calls.length).to.equal(1);
  });

  describe("in part", () => {
    const sealed = Array.from({ length: 6 }, (_, i) => ({ ciphertext: Buffer.from(String(i)) }));
    const NOT_AUTHENTIC = "decryption failed: ciphertext is not authentic";
    /** The third is not authentic. */
    const isSpoilt = (ciphertext: unknown): boolean => ciphertext === "Mg==";
    const single: Handler = ({ body }) => {
      const { ciphertext } = JSON.parse(String(body));
      return isSpoilt(ciphertext) ? refusal(400, NOT_AUTHENTIC) : reply({ plaintext: ciphertext });
    };
    const shown = (results: readonly (Buffer | KesError)[]): string[] =>
      results.map((result) => (result instanceof KesError ? result.code : String(result)));
    const WANTED = ["0", "1", "DECRYPT_FAILED", "3", "4", "5"];

    it("put the error of an item in its place", async () => {
      const { client, transport } = clientOver(({ body }) =>
        reply(
          itemsOf(body).map(({ ciphertext }) =>
            isSpoilt(ciphertext)
              ? { error: { status: 400, message: NOT_AUTHENTIC } }
              : { plaintext: ciphertext },
          ),
        ),
      );
      expect(shown(await client.bulkDecrypt("k", sealed, { partial: true }))).to.deep.equal(WANTED);
      expect(transport.calls).to.deep.equal(["POST /v1/key/bulk/decrypt/k?partial=true"]);
    });

    it("find out one by one where the server fails all for one", async () => {
      const { client, transport } = clientOver((request) =>
        request.path.includes("/bulk/") ? refusal(400, NOT_AUTHENTIC) : single(request),
      );
      expect(shown(await client.bulkDecrypt("k", sealed, { partial: true }))).to.deep.equal(WANTED);
      expect(transport.calls.length).to.equal(7);
    });

    it("find out one by one where the server has no bulk calls", async () => {
      const { client } = clientOver((request) =>
        request.path.includes("/bulk/") ? refusal(501, "not implemented") : single(request),
      );
      expect(shown(await client.bulkDecrypt("k", sealed, { partial: true }))).to.deep.equal(WANTED);
    });

    it("end with what concerns all items", async () => {
      for (const isOneByOne of [false, true]) {
        const { client } = clientOver(({ path }) =>
          isOneByOne && path.includes("/bulk/")
            ? refusal(501, "not implemented")
            : refusal(404, "key does not exist"),
        );
        const failure = await client.bulkDecrypt("k", sealed, { partial: true }).catch((e: unknown) => e);
        expect(failure).to.include({ code: "KEY_NOT_FOUND" });
      }
    });

    it("refuse what is neither a plaintext nor an error", async () => {
      for (const item of [{}, { error: "no" }, { error: { status: 400 } }, { error: { message: "no" } }]) {
        const { client } = clientOver(() => reply([item]));
        const failure = await client
          .bulkDecrypt("k", sealed.slice(0, 1), { partial: true })
          .catch((e: unknown) => e);
        expect(failure).to.include({ code: "ANSWER_INVALID" });
      }
    });
  });

  it("keep to one deadline over all pages", async () => {
    const { client, clock } = clientOver((request) => {
      clock.timeMs += 60;
      return echo(request);
    });
    const sealed = Array.from({ length: 3000 }, () => ({ ciphertext: Buffer.alloc(48) }));
    const failure = await client.bulkDecrypt("k", sealed, { timeoutMs: 100 }).catch((e: unknown) => e);
    expect(failure).to.include({ code: "CALL_TIMEOUT" });
  });
});
