/** Shared by the tests of crypto/: vector files and random sources that give what they are told. */
import { readFileSync } from "node:fs";
import { type Algorithm, algorithmIds } from "../../../src/crypto/algorithm.js";
import { KeyVersion } from "../../../src/crypto/key-version.js";
import { type RandomSource, secureRandom } from "../../../src/crypto/random.js";

/** The cases of a vector file. The caller names their shape; a missing member shows as a failing test. */
export function vectors<Case>(file: string): readonly Case[] {
  const text = readFileSync(new URL(`../../vectors/${file}`, import.meta.url), "utf8");
  const document: { cases: Case[] } = JSON.parse(text);
  return document.cases;
}

export const fromBase64 = (text: string): Buffer => Buffer.from(text, "base64");
export const fromHex = (text: string): Buffer => Buffer.from(text, "hex");

/** A source that gives exactly these bytes, once. */
export function fixedRandom(...parts: Buffer[]): RandomSource {
  const bytes = Buffer.concat(parts);
  let used = 0;
  return (size) => {
    used += size;
    if (used > bytes.length) throw new Error("asked for more random bytes than the test holds");
    return Buffer.from(bytes.subarray(used - size, used));
  };
}

/** A key version of these key bytes; unrecorded: one stored in the oldest form, which names no algorithm. */
export function keyOf(algorithm: Algorithm, keyBytes: Buffer, recorded = true): KeyVersion {
  if (!recorded) return KeyVersion.decode(Buffer.from(`{"bytes":"${keyBytes.toString("base64")}"}`));
  return KeyVersion.create({ algorithm, createdBy: "", nowMs: 0, random: secureRandom, keyBytes });
}

/** base64 of a stored key with these bytes and, behind the fields of KES, `extra`. */
export function storedKey(
  algorithm: Algorithm,
  key: Buffer,
  hmacKey: Buffer,
  extra = Buffer.alloc(0),
): Buffer {
  const field = (tag: number, body: Buffer) => Buffer.concat([Buffer.of(tag, body.length), body]);
  const keyMessage = Buffer.concat([field(0x0a, key), Buffer.of(0x10, algorithmIds[algorithm])]);
  const hmacMessage = Buffer.concat([field(0x0a, hmacKey), Buffer.of(0x10, 1)]);
  const message = Buffer.concat([field(0x0a, keyMessage), field(0x12, hmacMessage), extra]);
  return Buffer.from(message.toString("base64"));
}
