import { createPublicKey, randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { expect } from "chai";
import { ApiKey, ApiKeyError } from "../../../src/identity/api-key.js";
import { testKey } from "../../support/certificates.js";

/** KES reference §7.4: text, SPKI, identity. */
const VECTORS = [
  [
    "kes:v1:AD9E7FSYWrMD+VjhI6q545cYT9YOyFxZb7UnjEepYDRc",
    "302a300506032b6570032100bce7ef7e567e6487fe084ab3ee223d6ce264c9967625abfecaafa9e5be5b04b1",
    "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22",
  ],
  [
    "kes:v1:AGaV6VXHasF0FnaB60WdCOeTZ8eTIDikL4zlN16c8NAs",
    "302a300506032b657003210097c655cdfa5829dcbf4d1e791f125ea552f0342cce061bf1d9976c5f7f7cafa7",
    "ea9826089311fe44d7590408ede9150f7c637b6cab0a91ee6fe1aa5d9fb366f6",
  ],
  [
    "kes:v1:ACQpoGqx3rHHjT938Hfu5hVVQJHZWSqVI2Xp1KlYxFVw",
    "302a300506032b6570032100a06f6aa534af7404add2f025e748a9cf6f7abf1a7cbd458e12b37c4cd107269e",
    "0426fa9a04bc2756b92fbe8a97e1a1e07b53ecf04ed33da22c33e5c9faeb8cbb",
  ],
  [
    "kes:v1:AMxvd2uV1l5dDSRwuKZxSjuM5BDemlr+685+JAHA1TuJ",
    "302a300506032b65700321006b67de08276c1753855076b5108ed97eb5b97e80f7245fb3c8ddb167716ff383",
    "ab785e3b95d80d72cc9c27cb9fde886a0bf9068a69d40e3bd08a54e68c3f2bf7",
  ],
  [
    "kes:v1:AAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
    "302a300506032b657003210003a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8",
    "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5",
  ],
] as const;

describe("identity/api-key", () => {
  for (const [text, spki, identity] of VECTORS) {
    it(`${identity.slice(0, 8)}: key, identity and round trip`, () => {
      const key = ApiKey.parse(text);
      expect(key.identity).to.equal(identity);
      expect(key.toString()).to.equal(text);
      const publicKey = createPublicKey(key.privateKey).export({ type: "spki", format: "der" });
      expect(publicKey.toString("hex")).to.equal(spki);
      expect(ApiKey.parse(text.slice("kes:v1:".length)).identity).to.equal(identity);
      expect(ApiKey.parse(`${text}\r\n`).identity).to.equal(identity);
      expect(ApiKey.ofPrivateKey(key.privateKey).toString()).to.equal(text);
    });
  }

  it("parses and prints the reference's round trip", () => {
    const text = "kes:v1:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nm08E";
    expect(ApiKey.parse(text).toString()).to.equal(text);
  });

  const invalid: readonly [text: string, message: string][] = [
    ["v1:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nm08E", "illegal base64 data at input byte 2"],
    ["kes:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nm08E", "illegal base64 data at input byte 3"],
    ["kes:v1:sbDvZFqUPFFwxRS4EkuoEb2nyyInkdKSUEYHXFHeTouW", "kes: invalid API key: unsupported type"],
    ["kes:v1:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nmw==", "kes: invalid API key: invalid length"],
    ["kes:v1:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nm08EAA==", "kes: invalid API key: invalid length"],
    ["kes:v1:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nm08", "illegal base64 data"],
    ["kes:v1:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nm08_", "illegal base64 data"],
    ["kes:v1:AM0F5TP43FYEShMzA42f2drF=GnBOiNx7UH4DK0nm08E", "illegal base64 data"],
    ["kes:v1:kes:v1:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nm08E", "illegal base64 data"],
    [" kes:v1:AM0F5TP43FYEShMzA42f2drFYGnBOiNx7UH4DK0nm08E", "illegal base64 data"],
    ["kes:v1:", "kes: invalid API key: invalid length"],
    ["", "kes: invalid API key: invalid length"],
  ];
  for (const [text, message] of invalid) {
    it(`refuses '${text}'`, () => {
      expect(() => ApiKey.parse(text)).to.throw(ApiKeyError, message);
    });
  }

  it("generates from the given source and refuses a short one", () => {
    const seeded = ApiKey.generate((size) => Uint8Array.from({ length: size }, (_, i) => i));
    expect(seeded.toString()).to.equal(VECTORS[4][0]);
    expect(ApiKey.generate(randomBytes).identity).to.not.equal(ApiKey.generate(randomBytes).identity);
    expect(() => ApiKey.generate(() => new Uint8Array(31))).to.throw(ApiKeyError);
  });

  it("does not change when the random source reuses its buffer", () => {
    const buffer = new Uint8Array(32).fill(1);
    const key = ApiKey.generate(() => buffer);
    const text = key.toString();
    buffer.fill(2);
    expect(key.toString()).to.equal(text);
  });

  it("shows the secret neither to inspect nor to JSON", () => {
    const key = ApiKey.parse(VECTORS[0][0]);
    const secret = VECTORS[0][0].slice(8, 20);
    for (const shown of [
      inspect(key, { showHidden: true, depth: 9 }),
      inspect({ key }),
      JSON.stringify({ key }),
    ]) {
      expect(shown).to.include(key.identity).and.not.include(secret);
    }
  });

  it("takes only Ed25519 private keys", () => {
    expect(() => ApiKey.ofPrivateKey(testKey("p256"))).to.throw(ApiKeyError);
    expect(() => ApiKey.ofPrivateKey(createPublicKey(testKey()))).to.throw(ApiKeyError);
  });
});
