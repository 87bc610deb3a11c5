import { posix } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { openDareV1 } from "../../../../src/crypto/dare-v1.js";
import { secureRandom } from "../../../../src/crypto/random.js";
import { KesError } from "../../../../src/errors.js";
import type { SseFailure } from "../../../../src/storage/sse/errors.js";
import { ObjectKey } from "../../../../src/storage/sse/object-key.js";
import {
  openObjectKey,
  type SealAlgorithm,
  type SseKind,
  sealedPath,
  sealObjectKey,
} from "../../../../src/storage/sse/seal.js";
import { openValue } from "../../../../src/storage/sse/sealed-value.js";
import { fixedRandom, fromHex, vectors } from "../../crypto/support.js";
import { bytesOf, fails } from "./support.js";

interface Case {
  readonly id: string;
  readonly result: "valid" | "invalid";
  readonly reason?: SseFailure;
  readonly kind: SseKind;
  readonly algorithm: SealAlgorithm;
  readonly dek: string;
  readonly iv: string;
  readonly bucket: string;
  readonly object: string;
  readonly sealingKey?: string;
  readonly nonce?: string;
  readonly oek?: string;
  readonly sealed?: string;
}

const kinds: readonly SseKind[] = ["SSE-C", "SSE-S3", "SSE-KMS"];

describe("the seal of an object key", () => {
  describe("known answers", () => {
    for (const v of vectors<Case>("object-key-seal.json")) {
      const { algorithm, kind, bucket, object } = v;
      const dek = fromHex(v.dek);
      const iv = fromHex(v.iv);
      const path = { bucket, object };
      const open = () => openObjectKey({ algorithm, iv, bytes: fromHex(v.sealed ?? "") }, dek, kind, path);
      it(`${v.result}: ${v.id}`, async () => {
        if (v.result === "invalid") {
          await fails(open, v.reason ?? "SSE_ALTERED");
          return;
        }
        const sealingKey = fromHex(v.sealingKey ?? "");
        if (v.sealed !== undefined) {
          expect(bytesOf(open())).to.equal(v.oek);
          const openWith = algorithm === "DARE-SHA256" ? openDareV1 : openValue;
          expect(openWith(sealingKey, fromHex(v.sealed)).toString("hex")).to.equal(v.oek);
        }
        if (algorithm === "DARE-SHA256") return;
        const key = ObjectKey.adopt(fromHex(v.oek ?? "01".repeat(32)));
        const random = v.nonce === undefined ? secureRandom : fixedRandom(fromHex(v.nonce));
        const made = sealObjectKey(key, dek, kind, path, random, iv);
        if (v.nonce !== undefined) expect(made.bytes.toString("hex")).to.equal(v.sealed);
        expect(openValue(sealingKey, made.bytes).toString("hex")).to.equal(bytesOf(key));
      });
    }
  });

  const names = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
  const paths = fc.record({ bucket: fc.stringMatching(/^[a-z0-9]{3,10}$/), object: names });

  it("opens with the same DEK, kind and path, and with no other", () => {
    fc.assert(
      fc.asyncProperty(paths, paths, fc.constantFrom(...kinds), async (path, other, kind) => {
        const dek = secureRandom(32);
        const key = ObjectKey.generate(dek, secureRandom);
        const sealed = sealObjectKey(key, dek, kind, path, secureRandom);
        expect(sealed.bytes.length).to.equal(64);
        expect(bytesOf(openObjectKey(sealed, dek, kind, path))).to.equal(bytesOf(key));
        const wrong: SseFailure = kind === "SSE-C" ? "SSE_C_KEY_WRONG" : "SSE_ALTERED";
        await fails(() => openObjectKey(sealed, secureRandom(32), kind, path), wrong);
        if (sealedPath(path) !== sealedPath(other)) {
          await fails(() => openObjectKey(sealed, dek, kind, other), wrong);
        }
        for (const mistaken of kinds.filter((each) => each !== kind)) {
          await fails(
            () => openObjectKey(sealed, dek, mistaken, path),
            mistaken === "SSE-C" ? "SSE_C_KEY_WRONG" : "SSE_ALTERED",
          );
        }
      }),
      { numRuns: 60 },
    );
  });

  it("is another one each time", () => {
    const dek = secureRandom(32);
    const key = ObjectKey.generate(dek, secureRandom);
    const path = { bucket: "bucket", object: "object" };
    const [a, b] = [1, 2].map(() => sealObjectKey(key, dek, "SSE-S3", path, secureRandom));
    expect(a?.iv.equals(b?.iv ?? Buffer.alloc(0))).to.equal(false);
    expect(a?.bytes.equals(b?.bytes ?? Buffer.alloc(0))).to.equal(false);
  });

  it("takes DEKs of 32 bytes alone", () => {
    const key = ObjectKey.generate(secureRandom(32), secureRandom);
    const path = { bucket: "b", object: "o" };
    const sealed = sealObjectKey(key, secureRandom(32), "SSE-S3", path, secureRandom);
    for (const run of [
      () => sealObjectKey(key, secureRandom(31), "SSE-S3", path, secureRandom),
      () => sealObjectKey(key, secureRandom(32), "SSE-S3", path, secureRandom, secureRandom(16)),
      () => openObjectKey(sealed, secureRandom(33), "SSE-S3", path),
    ]) {
      expect(run).to.throw(KesError).with.property("code", "INTERNAL");
    }
  });
});

describe("the path that a seal is bound to", () => {
  const rows: readonly [bucket: string, object: string, path: string][] = [
    ["x", "a//b/../c", "x/a/c"],
    ["x", "a/c", "x/a/c"],
    ["x", "a/c/", "x/a/c"],
    ["x", "/a", "x/a"],
    ["x", "./a/./b/.", "x/a/b"],
    ["x", "a/b/../../c", "x/c"],
    ["x", "..", "."],
    ["x", "../y", "y"],
    ["x", "../../y", "../y"],
    ["x", "a/...", "x/a/..."],
    ["x", "ä b\u{1f600}\\..", "x/ä b\u{1f600}\\.."],
    ["x", "/", "x"],
    ["x", " ", "x/ "],
  ];
  for (const [bucket, object, path] of rows) {
    it(`of '${object}' in '${bucket}' is '${path}'`, () => {
      expect(sealedPath({ bucket, object })).to.equal(path);
    });
  }

  it("is clean already when it is cleaned again, and has no slash at its end", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom("a", "b", ".", "..", "/", "//"), { maxLength: 8 }), (parts) => {
        const path = sealedPath({ bucket: "bucket", object: parts.join("/") });
        expect(posix.normalize(path)).to.equal(path);
        if (path !== "/") expect(path).not.to.match(/\/$/);
      }),
    );
  });
});
