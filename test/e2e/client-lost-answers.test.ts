import { randomBytes } from "node:crypto";
import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { ApiKey, isKesError, KesClient } from "../../src/client/index.js";
import { AnswerCutter } from "../support/answer-cutter.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const apiKey = ApiKey.generate(randomBytes);

/** Counts what the server really did. */
class CountingKeystore extends MemoryKeystore {
  readonly changes: string[] = [];

  override async create(...args: Parameters<MemoryKeystore["create"]>): Promise<void> {
    this.changes.push(`create ${args[0]}`);
    return super.create(...args);
  }

  override async delete(...args: Parameters<MemoryKeystore["delete"]>): Promise<void> {
    this.changes.push(`delete ${args[0]}`);
    return super.delete(...args);
  }
}

for (const http2 of [true, false]) {
  describe(`the SDK and lost answers over ${http2 ? "HTTP/2" : "HTTP/1.1"}`, () => {
    let keystore: CountingKeystore;
    let server: TestServer;
    let cutter: AnswerCutter;
    let client: KesClient;

    beforeEach(async () => {
      keystore = new CountingKeystore();
      const policies = { other: { allow: ["/v1/key/create/*"], identities: [apiKey.identity] } };
      server = await startTestServer({ keystore, policies });
      cutter = await AnswerCutter.start(server.port);
      client = new KesClient({
        endpoints: `https://127.0.0.1:${cutter.port}`,
        ca: server.ca.certPem,
        certificate: server.admin.certPem,
        key: server.admin.keyPem,
        http2,
      });
      // Connected, so that the next bytes of the server are an answer.
      await client.version();
    });
    afterEach(async () => {
      await client.close();
      await cutter.close();
      await server.close();
    });

    it("creates a key once and says so", async () => {
      cutter.cut();
      await client.createKey("k");
      expect(keystore.changes).to.deep.equal(["create k"]);
      expect(cutter.cuts).to.equal(1);
    });

    it("says that a key of somebody else was there before", async () => {
      const other = new KesClient({ endpoints: server.url, ca: server.ca.certPem, apiKey });
      await other.createKey("k");
      await other.close();
      cutter.cut();
      const failure = await client.createKey("k").catch((error: unknown) => error);
      expect(failure).to.include({ code: "KEY_EXISTS" });
      expect(cutter.cuts).to.equal(1);
    });

    it("imports a key once and proves it", async () => {
      cutter.cut();
      await client.importKey("k", { key: Buffer.alloc(32, 1), hmacKey: Buffer.alloc(32, 2) });
      expect(keystore.changes).to.deep.equal(["create k"]);
      expect(cutter.cuts).to.equal(1);
    });

    it("deletes a key once", async () => {
      await client.createKey("k");
      cutter.cut();
      await client.deleteKey("k");
      expect(keystore.changes).to.deep.equal(["create k", "delete k"]);
      expect(cutter.cuts).to.equal(1);
    });

    it("repeats what does no harm, with its body", async () => {
      await client.createKey("k");
      cutter.cut();
      const dek = await client.generateKey("k", { context: { a: "b" } });
      expect(cutter.cuts).to.equal(1);
      const opened = await client.decrypt("k", dek.ciphertext, { context: { a: "b" } });
      expect(opened.equals(dek.plaintext)).to.equal(true);
    });

    it("follows a log over a break", async () => {
      const gaps: string[] = [];
      let isFirst = true;
      const log = client.errorLog({
        onConnect: () => server.server.errorLog.info("connected"),
        onGap: ({ cause }) => void gaps.push(isKesError(cause) ? cause.code : "closed"),
      });
      for await (const { message } of log) {
        expect(message).to.include("connected");
        if (!isFirst) break;
        isFirst = false;
        cutter.cut();
        server.server.errorLog.info("lost");
      }
      expect(gaps).to.deep.equal(["ANSWER_LOST"]);
    });
  });
}
