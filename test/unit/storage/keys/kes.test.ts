import { expect } from "chai";
import { KesClient } from "../../../../src/client/client.js";
import type { ApiReply } from "../../../../src/client/transport.js";
import { type ErrorCode, errorCatalogue, KesError } from "../../../../src/errors.js";
import { KesKeyService } from "../../../../src/storage/keys/kes.js";
import { S3Error } from "../../../../src/storage/s3-error.js";
import type { SseFailure } from "../../../../src/storage/sse/errors.js";
import { ENDPOINT, FakeTransport, type Handler } from "../../../support/fake-transport.js";
import { fails, failureOf } from "../sse/support.js";

const context = { bucket: "bucket/a<b" };
const dek = Buffer.alloc(32, 1);
const ciphertext = Buffer.alloc(76, 2);

function reply(body: object, status = 200): ApiReply {
  const bytes = Buffer.from(JSON.stringify(body));
  return { status, contentType: "application/json", body: bytes, endpoint: ENDPOINT, elapsedMs: 1 };
}

function serviceOver(handler: Handler): { keys: KesKeyService; transport: FakeTransport } {
  const transport = new FakeTransport(handler);
  const client = new KesClient({ endpoints: ENDPOINT }, { transport });
  return { keys: new KesKeyService("default", client, [{ endpoint: ENDPOINT, client }]), transport };
}

function failing(code: ErrorCode): KesKeyService {
  const call = async (): Promise<never> => {
    throw new KesError(code, ["a", "b"]);
  };
  const client = { generateKey: call, decrypt: call, createKey: call, version: call, close: async () => {} };
  return new KesKeyService("default", client, [{ endpoint: ENDPOINT, client }]);
}

describe("keys of a key server", () => {
  it("are asked for by MinIO's calls, with the context in its canonical form", async () => {
    const { keys, transport } = serviceOver(({ path }) =>
      path.includes("generate")
        ? reply({ plaintext: dek.toString("base64"), ciphertext: ciphertext.toString("base64") })
        : path.includes("decrypt")
          ? reply({ plaintext: dek.toString("base64") })
          : { ...reply({}), body: Buffer.alloc(0) },
    );
    const made = await keys.generate(undefined, context);
    expect(made).to.deep.equal({ keyName: "default", plaintext: dek, ciphertext });
    expect((await keys.generate("other", context)).keyName).to.equal("other");
    expect(await keys.decrypt("other", made.ciphertext, context)).to.deep.equal(dek);
    await keys.createKey("new");
    expect(transport.calls).to.deep.equal([
      "POST /v1/key/generate/default",
      "POST /v1/key/generate/other",
      "POST /v1/key/decrypt/other",
      "POST /v1/key/create/new",
    ]);
    const bytes = Buffer.from('{"bucket":"bucket/a\\u003cb"}').toString("base64");
    const bodies = transport.requests.map(({ body }) => Buffer.from(body ?? []).toString());
    expect(JSON.parse(bodies[0] ?? "")).to.deep.equal({ context: bytes });
    expect(JSON.parse(bodies[2] ?? "")).to.deep.equal({
      ciphertext: ciphertext.toString("base64"),
      context: bytes,
    });
  });

  const meanings: readonly [ErrorCode, SseFailure][] = [
    ["KEY_NOT_FOUND", "KMS_KEY_NOT_FOUND"],
    ["KEY_NAME_INVALID", "KMS_KEY_NOT_FOUND"],
    ["NOT_AUTHORIZED", "KMS_DENIED"],
    ["DECRYPT_FAILED", "KMS_ALTERED"],
    ["KEY_EXISTS", "KMS_KEY_EXISTS"],
    ["NOT_IMPLEMENTED", "KMS_NOT_SUPPORTED"],
    ["ANSWER_INVALID", "KMS_FAILED"],
    ["KEYSTORE_UNREACHABLE", "KMS_UNAVAILABLE"],
    ["KEY_READ_FAILED", "KMS_UNAVAILABLE"],
    ["OVERLOADED", "KMS_UNAVAILABLE"],
    ["ENDPOINT_UNREACHABLE", "KMS_UNAVAILABLE"],
    ["SERVER_UNTRUSTED", "KMS_UNAVAILABLE"],
    ["CERTIFICATE_REFUSED", "KMS_UNAVAILABLE"],
    ["CALL_TIMEOUT", "KMS_UNAVAILABLE"],
    ["ANSWER_LOST", "KMS_UNAVAILABLE"],
    ["ANSWER_UNEXPECTED", "KMS_UNAVAILABLE"],
    ["KEY_CREATE_UNCERTAIN", "KMS_UNAVAILABLE"],
    ["CLIENT_CLOSED", "KMS_UNAVAILABLE"],
  ];
  for (const [code, failure] of meanings) {
    it(`${code} means ${failure}`, async () => {
      const keys = failing(code);
      await fails(() => keys.generate(undefined, context), failure);
      await fails(() => keys.decrypt("k", dek, context), failure);
      await fails(() => keys.createKey("k"), failure);
    });
  }

  it("are missing only when the server says so: no outage reads as that", async () => {
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
      const { reason, cause } = await failureOf(() => failing(code).decrypt("k", dek, context));
      const isMissing = code === "KEY_NOT_FOUND" || code === "KEY_NAME_INVALID";
      expect(reason === "KMS_KEY_NOT_FOUND", code).to.equal(isMissing);
      expect(cause).to.be.instanceOf(KesError);
    }
  });

  it("are told apart from a wrong page: another server's 404 is an outage", async () => {
    const { keys } = serviceOver(() => ({ ...reply({ message: "no such page" }, 404) }));
    await fails(() => keys.generate(undefined, context), "KMS_UNAVAILABLE");
    const real = serviceOver(() => reply({ message: "key does not exist" }, 404));
    await fails(() => real.keys.generate(undefined, context), "KMS_KEY_NOT_FOUND");
  });

  it("are refused in another size than 32 bytes", async () => {
    const short = dek.subarray(1);
    const client = {
      generateKey: async () => ({ plaintext: Buffer.from(short), ciphertext: dek }),
      decrypt: async () => Buffer.concat([dek, dek]),
      createKey: async () => {},
      close: async () => {},
    };
    const keys = new KesKeyService("default", client, []);
    await fails(() => keys.generate(undefined, context), "KMS_FAILED");
    await fails(() => keys.decrypt("k", dek, context), "KMS_FAILED");
  });

  it("are left when the caller leaves, with the caller's reason", async () => {
    const { keys } = serviceOver(() => reply({}));
    const reason = new Error("gone");
    const error = await keys
      .generate(undefined, context, { signal: AbortSignal.abort(reason) })
      .catch((thrown: unknown) => thrown);
    expect(error).to.equal(reason);
    expect(error).not.to.be.instanceOf(S3Error);
  });

  it("are served by endpoints that answer or do not", async () => {
    const up = serviceOver(() => reply({ version: "1", commit: "" }));
    expect(await up.keys.status()).to.deep.equal({
      ...{ name: "KES", defaultKey: "default" },
      endpoints: [{ endpoint: ENDPOINT, isOnline: true }],
    });
    expect((await failing("ENDPOINT_UNREACHABLE").status()).endpoints).to.deep.equal([
      { endpoint: ENDPOINT, isOnline: false },
    ]);
    await up.keys.close();
    expect(up.transport.isClosed).to.equal(true);
  });
});
