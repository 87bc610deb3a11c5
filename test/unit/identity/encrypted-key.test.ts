import { randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { encryptedKeyPem } from "../../../src/identity/encrypted-key.js";
import { PrivateKeyError, privateKeyOfPem } from "../../../src/identity/private-key.js";
import { type TestAlgorithm, testKey } from "../../support/certificates.js";
import { run, runOk } from "../../support/child-process.js";
import { requireService } from "../../support/services/index.js";

const ALGORITHMS: readonly TestAlgorithm[] = ["ed25519", "p256", "rsa"];

describe("identity/encrypted-key", () => {
  const key = testKey();

  for (const algorithm of ALGORITHMS) {
    it(`openssl reads a ${algorithm} key with its password only`, async function () {
      const openssl = requireService(this, "openssl");
      const dir = await mkdtemp(join(tmpdir(), "keswick-encrypted-"));
      try {
        const made = testKey(algorithm);
        const [file, password] = [join(dir, "key.pem"), join(dir, "password")];
        await writeFile(file, encryptedKeyPem(made, "correct höbse", randomBytes));
        await writeFile(password, "correct höbse\n");
        const args = ["pkey", "-in", file, "-passin", `file:${password}`] as const;
        const plain = made.export({ type: "pkcs8", format: "pem" });
        expect(await runOk([openssl, ...args])).to.equal(plain);
        await writeFile(password, "wrong\n");
        expect((await run([openssl, ...args])).code).to.not.equal(0);
      } finally {
        await rm(dir, { recursive: true, force: true });
      }
    });
  }

  it("is read with any password by our own reader, and refused with another", () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: "grapheme" }),
        fc.string({ minLength: 1 }),
        (password, other) => {
          const pem = encryptedKeyPem(key, password, randomBytes);
          expect(privateKeyOfPem(pem, password).equals(key)).to.equal(true);
          if (other === password) return;
          expect(() => privateKeyOfPem(pem, other)).to.throw(PrivateKeyError);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("has the headers of RFC 1423 and a salt of its own each time", () => {
    const [first, second] = [encryptedKeyPem(key, "p", randomBytes), encryptedKeyPem(key, "p", randomBytes)];
    expect(first).to.match(
      /^-----BEGIN PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,[0-9A-F]{32}\n\n[A-Za-z0-9+/=\n]+-----END PRIVATE KEY-----\n$/,
    );
    expect(first).to.not.equal(second);
  });

  it("says whether a password is missing or was refused", () => {
    const pem = encryptedKeyPem(key, "right", randomBytes);
    for (const [password, fault] of [
      [undefined, "missing"],
      ["", "missing"],
      ["wrong", "refused"],
    ] as const) {
      expect(() => privateKeyOfPem(pem, password))
        .to.throw(PrivateKeyError)
        .with.property("password", fault);
    }
  });
});
