import { expect } from "chai";
import { clientOver, type Handler, reply } from "../../support/fake-transport.js";

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
