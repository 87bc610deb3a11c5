import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { encryptFile } from "../../../../src/cli/file/encrypt.js";
import { fixedRandom, fromHex, vectors } from "../../crypto/support.js";
import { decrypted, failureOf, memorySink, memorySource, nameOf, never } from "./support.js";

interface Valid {
  readonly id: string;
  readonly result: "valid";
  readonly keyName: string;
  readonly sealedDek: string;
  readonly dek: string;
  readonly plaintext: string;
  readonly file: string;
  readonly nonce?: string;
}
interface Invalid {
  readonly id: string;
  readonly result: "invalid";
  readonly dek: string;
  readonly error: string;
  readonly file: string;
}

describe("encrypted files: known answers", () => {
  for (const v of vectors<Valid | Invalid>("encrypted-file.json")) {
    if (v.result === "invalid") {
      it(`refuses: ${v.id}`, async () => {
        const sink = memorySink();
        const failure = await failureOf(decrypted(fromHex(v.file), async () => fromHex(v.dek), sink));
        expect(failure).to.be.instanceOf(CommandError);
        expect(failure.message).to.match(new RegExp(v.error));
        expect(sink.published()).to.equal(undefined);
      });
      continue;
    }
    it(`decrypts ${v.id}`, async () => {
      const asked: unknown[] = [];
      const plaintext = await decrypted(fromHex(v.file), async ({ keyName, sealedDek }) => {
        asked.push(keyName, Buffer.from(sealedDek).toString("hex"));
        return fromHex(v.dek);
      });
      expect(plaintext.toString("hex")).to.equal(v.plaintext);
      expect(asked).to.deep.equal([v.keyName, v.sealedDek]);
    });
    const { nonce } = v;
    if (nonce === undefined) continue;
    it(`encrypts ${v.id}`, async () => {
      const sink = memorySink();
      await encryptFile({
        source: memorySource(fromHex(v.plaintext)),
        sink,
        keyName: nameOf(v.keyName),
        generate: async () => ({ plaintext: fromHex(v.dek), ciphertext: fromHex(v.sealedDek) }),
        random: fixedRandom(fromHex(nonce)),
        signal: never,
        onProgress: () => undefined,
      });
      expect(sink.published()?.toString("hex")).to.equal(v.file);
    });
  }
});
