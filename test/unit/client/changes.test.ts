import { expect } from "chai";
import fc from "fast-check";
import type { KesClient } from "../../../src/client/client.js";
import { type ErrorCode, isKesError, KesError } from "../../../src/errors.js";
import {
  clientOver,
  done,
  ENDPOINT,
  type FakeTransport,
  refusal,
  reply,
} from "../../support/fake-transport.js";
import { type Fate, FragileKeyService } from "../../support/fragile-key-service.js";

const OTHER = "7ec8095a5308a535b72b35d7ccd4ce1d7c14af713acd22e2935a9d6e4fe18127";
const KEY = Buffer.alloc(32, 1);
const DAY_MS = 86_400_000;

function site(...fates: Fate[]): { client: KesClient; service: FragileKeyService; transport: FakeTransport } {
  let service: FragileKeyService | undefined;
  const { client, clock, transport } = clientOver((request) => {
    if (service === undefined) throw new Error("no service");
    return service.handle(request);
  });
  service = new FragileKeyService(clock);
  service.fates = fates;
  return { client, service, transport };
}

async function codeOf(call: Promise<unknown>): Promise<ErrorCode | "resolved"> {
  try {
    await call;
    return "resolved";
  } catch (error) {
    if (!isKesError(error)) throw error;
    return error.code;
  }
}

describe("create", () => {
  it("asks once when it is answered", async () => {
    const { client, transport, service } = site();
    await client.createKey("k");
    expect(transport.calls).to.deep.equal(["POST /v1/key/create/k"]);
    expect(transport.requests[0]?.body).to.equal(undefined);
    expect(await codeOf(client.createKey("k"))).to.equal("KEY_EXISTS");
    expect(service.done).to.deep.equal(["create"]);
  });

  it("finds that the key was created although nobody said so", async () => {
    const { client, transport, service } = site("lost-after");
    await client.createKey("k");
    expect(transport.calls).to.deep.equal(["POST /v1/key/create/k", "GET /v1/key/describe/k"]);
    expect(service.done).to.deep.equal(["create"]);
  });

  it("asks again when there is no key", async () => {
    const { client, service } = site("lost-before");
    await client.createKey("k");
    expect(service.done).to.deep.equal(["create"]);
  });

  it("knows its own key when the first request arrives late", async () => {
    const { client, service, transport } = site("late");
    await client.createKey("k");
    expect(service.done).to.deep.equal(["create"]);
    expect(transport.calls.length).to.equal(4);
  });

  it("takes the 502 and 504 of a load balancer for lost answers", async () => {
    const { client, service, transport } = site();
    let answers = 0;
    service.instead.set("/create/", () => {
      // The server died with the second one after it had stored the key.
      if (++answers === 2) service.store();
      return reply(Buffer.from("<html>"), { status: answers === 1 ? 504 : 502, contentType: "text/html" });
    });
    await client.createKey("k");
    expect(transport.calls).to.deep.equal(
      Array(2).fill(["POST /v1/key/create/k", "GET /v1/key/describe/k"]).flat(),
    );
    service.key = undefined;
    answers = 2;
    expect(await codeOf(client.createKey("k"))).to.equal("KEY_CREATE_UNCERTAIN");
    expect(answers).to.equal(5);
  });

  it("gives up after three lost requests", async () => {
    const { client, transport } = site("lost-before", "lost-before", "lost-before", "lost-before");
    expect(await codeOf(client.createKey("k"))).to.equal("KEY_CREATE_UNCERTAIN");
    expect(transport.calls.filter((call) => call.startsWith("POST")).length).to.equal(3);
  });

  it("does not take somebody else's key for its own", async () => {
    const { client, service } = site("lost-before");
    service.store({ createdBy: OTHER });
    expect(await codeOf(client.createKey("k"))).to.equal("KEY_EXISTS");
  });

  it("does not take an older key of its own for the new one", async () => {
    const { client, service } = site("lost-before");
    service.store({ createdAtMs: service.nowMs - 2001 });
    expect(await codeOf(client.createKey("k"))).to.equal("KEY_EXISTS");
  });

  it("does not guess when the server tells no time or no creator, or the client has no identity", async () => {
    for (const spoil of [
      (s: ReturnType<typeof site>) => {
        s.service.tellsTime = false;
      },
      (s: ReturnType<typeof site>) => s.service.store({ createdBy: "" }),
      (s: ReturnType<typeof site>) => {
        s.transport.identity = undefined;
      },
    ]) {
      const made = site("lost-after");
      spoil(made);
      expect(await codeOf(made.client.createKey("k"))).to.equal("KEY_EXISTS");
    }
  });

  for (const [what, answer] of [
    ["is forbidden", () => refusal(403, "not authorized: insufficient permissions")],
    ["fails", () => refusal(502, "failed to read key")],
    ["is about another key", () => reply({ name: "x", created_at: "2026-01-01T00:00:00Z" })],
    [
      "is lost as well",
      () => {
        throw new KesError("ENDPOINT_UNREACHABLE", [ENDPOINT, "refused"]);
      },
    ],
  ] as const) {
    it(`is uncertain when looking up ${what}`, async () => {
      const { client, service, transport } = site("lost-after");
      service.instead.set("/describe/", answer);
      expect(await codeOf(client.createKey("k"))).to.equal("KEY_CREATE_UNCERTAIN");
      expect(transport.calls.length).to.equal(2);
    });
  }

  it("looks up after a server's failure, asks once more, and passes on its reason", async () => {
    const after = site("failed-after");
    await after.client.createKey("k");
    expect(after.transport.calls.length).to.equal(2);
    const once = site("failed-before");
    await once.client.createKey("k");
    const twice = site("failed-before", "failed-before", "failed-before");
    expect(await codeOf(twice.client.createKey("k"))).to.equal("KEY_CREATE_FAILED");
    expect(twice.transport.calls.length).to.equal(4);
    const outage = site("failed-before");
    outage.service.instead.set("/describe/", () => refusal(502, "failed to read key"));
    expect(await codeOf(outage.client.createKey("k"))).to.equal("KEY_CREATE_FAILED");
  });

  it("does not take the words of a balancer for those of the server", async () => {
    const { client, service } = site();
    service.instead.set("/create/", () =>
      reply(Buffer.from("<html>"), { status: 504, contentType: "text/html" }),
    );
    expect(await codeOf(client.createKey("k"))).to.equal("KEY_CREATE_UNCERTAIN");
  });

  it("takes a page for no answer, however successful", async () => {
    const { client, service } = site();
    service.instead.set("/create/", () => reply(Buffer.from("<html>Welcome"), { contentType: "text/html" }));
    expect(await codeOf(client.createKey("k"))).to.equal("KEY_CREATE_UNCERTAIN");
    expect(service.done).to.deep.equal([]);
  });

  for (const [code, answer] of [
    ["NOT_AUTHORIZED", () => refusal(403, "not authorized: insufficient permissions")],
    ["NOT_IMPLEMENTED", () => refusal(501, "not implemented")],
    [
      "ENDPOINT_UNREACHABLE",
      () => {
        throw new KesError("ENDPOINT_UNREACHABLE", [ENDPOINT, "refused"]);
      },
    ],
    [
      // Of the transport: no server had the request.
      "CALL_TIMEOUT",
      () => {
        throw new KesError("CALL_TIMEOUT", [1000, "no connection"]);
      },
    ],
  ] as const) {
    it(`takes ${code} as final`, async () => {
      const { client, service, transport } = site();
      service.instead.set("/create/", answer);
      expect(await codeOf(client.createKey("k"))).to.equal(code);
      expect(transport.calls.length).to.equal(1);
    });
  }

  it("does not say refused when an earlier request may have gone through", async () => {
    const { client, service } = site("late");
    let asked = 0;
    service.instead.set("/create/", () => {
      if (asked++ > 0) return refusal(403, "not authorized: insufficient permissions");
      throw new KesError("ANSWER_LOST", [ENDPOINT, "reset"]);
    });
    expect(await codeOf(client.createKey("k"))).to.equal("KEY_CREATE_UNCERTAIN");
  });

  it("leaves time to look up, and keeps to its deadline", async () => {
    const { client, transport } = site("lost-before", "lost-before", "lost-before");
    await codeOf(client.createKey("k", { timeoutMs: 1000 }));
    expect(transport.requests[0]?.timeoutMs).to.equal(600);
    expect(transport.requests[1]?.timeoutMs).to.equal(990);
    expect(await codeOf(client.createKey("k", { timeoutMs: 5 }))).to.equal("resolved");
    const late = site("lost-after");
    expect(await codeOf(late.client.createKey("k", { timeoutMs: 5 }))).to.equal("KEY_CREATE_UNCERTAIN");
  });

  it("rejects with the signal's reason", async () => {
    const { client } = site();
    const reason = new Error("enough");
    const failure = await client
      .createKey("k", { signal: AbortSignal.abort(reason) })
      .catch((error: unknown) => error);
    expect(failure).to.equal(reason);
  });

  it("refuses names before anything is sent", async () => {
    const { client, transport } = site();
    for (const name of ["", "..", "a/b", "-a", "a".repeat(81)]) {
      expect(await codeOf(client.createKey(name)), name).to.equal("KEY_NAME_INVALID");
      expect(await codeOf(client.deleteKey(name)), name).to.equal("KEY_NAME_INVALID");
      expect(await codeOf(client.importKey(name, { key: KEY })), name).to.equal("KEY_NAME_INVALID");
    }
    expect(transport.calls).to.deep.equal([]);
  });

  const fate = fc.constantFrom<Fate>(
    "ok",
    "lost-before",
    "lost-after",
    "late",
    "failed-before",
    "failed-after",
  );

  it("never says created unless this call created it, whatever is lost", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fate, { maxLength: 4 }), fc.boolean(), async (fates, isThere) => {
        const { client, service, transport } = site(...fates);
        if (isThere) service.store({ createdBy: OTHER });
        const outcome = await codeOf(client.createKey("k"));
        if (outcome === "resolved") expect(service.done).to.deep.equal(["create"]);
        if (outcome === "KEY_EXISTS") expect(isThere).to.equal(true);
        expect(service.done.length).to.be.at.most(isThere ? 0 : 1);
        expect(transport.calls.length).to.be.at.most(6);
        if (fates[0]?.startsWith("lost") && !isThere)
          expect(outcome).to.be.oneOf(["resolved", "KEY_CREATE_UNCERTAIN"]);
      }),
      { numRuns: 500 },
    );
  });
});

describe("import", () => {
  it("sends the key, and the HMAC key only when there is one", async () => {
    const { client, transport } = site();
    await client.importKey("k", { key: KEY, algorithm: "ChaCha20" });
    expect(JSON.parse(String(transport.requests[0]?.body))).to.deep.equal({
      key: KEY.toString("base64"),
      cipher: "ChaCha20",
    });
  });

  it("refuses keys of another size before anything is sent", async () => {
    const { client, transport } = site();
    expect(await codeOf(client.importKey("k", { key: Buffer.alloc(31) }))).to.equal("KEY_SIZE_INVALID");
    expect(await codeOf(client.importKey("k", { key: new Uint8Array() }))).to.equal("KEY_SIZE_INVALID");
    const hmacKey = Buffer.alloc(33);
    expect(await codeOf(client.importKey("k", { key: KEY, hmacKey }))).to.equal("KEY_SIZE_INVALID");
    expect(transport.calls).to.deep.equal([]);
  });

  it("proves after a lost answer that the key has these bytes", async () => {
    const { client, transport } = site("lost-after");
    await client.importKey("k", { key: KEY });
    expect(transport.calls.at(-1)).to.equal("POST /v1/key/generate/k");
    const both = site("lost-after");
    await both.client.importKey("k", { key: KEY, hmacKey: Buffer.alloc(32, 2) });
    expect(both.transport.calls.at(-1)).to.equal("PUT /v1/key/hmac/k");
  });

  it("does not take a key of other bytes for the imported one, made by the same client though it is", async () => {
    for (const bytes of [
      { keyBytes: Buffer.alloc(32, 8), hmacKeyBytes: Buffer.alloc(32, 2) },
      { keyBytes: KEY, hmacKeyBytes: Buffer.alloc(32, 8) },
    ]) {
      const { client, service } = site("lost-before");
      service.store(bytes);
      const call = client.importKey("k", { key: KEY, hmacKey: Buffer.alloc(32, 2) });
      expect(await codeOf(call)).to.equal("KEY_EXISTS");
    }
  });

  it("tells when the server has not taken the HMAC key", async () => {
    const hmacKey = Buffer.alloc(32, 2);
    for (const answer of [
      () => reply({ hmac: Buffer.alloc(32).toString("base64") }),
      () => refusal(409, "key does not support HMAC"),
      () => reply(Buffer.from("404 page not found\n"), { status: 404, contentType: "text/plain" }),
    ]) {
      const { client, service } = site();
      service.instead.set("/hmac/", answer);
      expect(await codeOf(client.importKey("k", { key: KEY, hmacKey }))).to.equal("ANSWER_UNEXPECTED");
    }
    const { client, service } = site();
    service.instead.set("/hmac/", () => refusal(403, "not authorized: insufficient permissions"));
    await client.importKey("k", { key: KEY, hmacKey });
    // No time is left to ask; the import is done all the same.
    await site().client.importKey("k", { key: KEY, hmacKey }, { timeoutMs: 10 });
  });

  it("is uncertain when it may not prove it", async () => {
    const { client, service } = site("lost-after");
    service.instead.set("/generate/", () => refusal(403, "not authorized: insufficient permissions"));
    expect(await codeOf(client.importKey("k", { key: KEY }))).to.equal("KEY_CREATE_UNCERTAIN");
  });
});

describe("delete", () => {
  it("asks once when it is answered", async () => {
    const { client, transport, service } = site();
    service.store();
    await client.deleteKey("k");
    expect(transport.calls).to.deep.equal(["DELETE /v1/key/delete/k"]);
    expect(await codeOf(client.deleteKey("k"))).to.equal("KEY_NOT_FOUND");
  });

  it("finds that the key is gone although nobody said so", async () => {
    const { client, service } = site("lost-after");
    service.store();
    await client.deleteKey("k");
    expect(service.done).to.deep.equal(["delete"]);
  });

  it("deletes again what is still there", async () => {
    const { client, service } = site("lost-before");
    service.store({ createdAtMs: service.nowMs - DAY_MS });
    await client.deleteKey("k");
    expect(service.done).to.deep.equal(["delete"]);
  });

  it("takes `not found` as done when an earlier request was lost", async () => {
    const { client, service } = site("late");
    service.store({ createdAtMs: service.nowMs - DAY_MS });
    await client.deleteKey("k");
    expect(service.done).to.deep.equal(["delete"]);
  });

  it("leaves a key alone that may be somebody's new one", async () => {
    for (const ageMs of [-5000, 0, 59_000]) {
      const { client, service } = site("lost-before");
      service.store({ createdBy: OTHER, createdAtMs: service.nowMs - ageMs });
      expect(await codeOf(client.deleteKey("k"))).to.equal("KEY_DELETE_UNCERTAIN");
      expect(service.done).to.deep.equal([]);
    }
  });

  it("does not delete what it cannot look up", async () => {
    const { client, service, transport } = site("lost-before");
    service.store({ createdAtMs: service.nowMs - DAY_MS });
    service.instead.set("/describe/", () => refusal(403, "not authorized: insufficient permissions"));
    expect(await codeOf(client.deleteKey("k"))).to.equal("KEY_DELETE_UNCERTAIN");
    expect(transport.calls.length).to.equal(2);
  });

  it("passes on the server's reason", async () => {
    const { client, service } = site();
    service.store({ createdAtMs: service.nowMs - DAY_MS });
    service.instead.set("/delete/", () => refusal(502, "failed to delete key"));
    expect(await codeOf(client.deleteKey("k"))).to.equal("KEY_DELETE_FAILED");
  });

  it("never deletes a key that came after the one it was asked to delete", async () => {
    const fates = fc.array(fc.constantFrom<Fate>("ok", "lost-before", "lost-after", "late", "failed-after"), {
      maxLength: 4,
    });
    await fc.assert(
      fc.asyncProperty(fates, fc.nat({ max: 5 }), async (lost, comesAt) => {
        const { client, service, transport } = site(...lost);
        service.store({ createdAtMs: service.nowMs - DAY_MS });
        let newKey: object | undefined;
        const { handle } = service;
        service.handle = (request) => {
          // Somebody makes a new key of that name as soon as the old one is gone.
          if (newKey === undefined && service.key === undefined && transport.calls.length > comesAt) {
            service.store({ createdBy: OTHER });
            newKey = service.key;
          }
          return handle.call(service, request);
        };
        const outcome = await codeOf(client.deleteKey("k"));
        if (newKey !== undefined && !lost.includes("late")) expect(service.key).to.equal(newKey);
        if (outcome === "resolved") expect(service.done).to.include("delete");
      }),
      { numRuns: 500 },
    );
  });

  it("takes another kind of success for no answer", async () => {
    const { client, service } = site();
    service.store();
    service.instead.set("/delete/", () => done({ status: 204 }));
    expect(await codeOf(client.deleteKey("k"))).to.equal("KEY_DELETE_UNCERTAIN");
  });
});
