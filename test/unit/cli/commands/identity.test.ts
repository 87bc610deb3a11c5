import { stripVTControlCharacters } from "node:util";
import { expect } from "chai";
import fc from "fast-check";
import { ApiKey } from "../../../../src/identity/api-key.js";
import { identityOfKey } from "../../../../src/identity/certificate.js";
import { certificateAuthority, issuedBy, selfSigned } from "../../../support/certificates.js";
import { IdentitySite } from "../../../support/identity-site.js";

/** KES reference §7.4. */
const VECTORS: readonly (readonly [apiKey: string, identity: string])[] = [
  [
    "kes:v1:AD9E7FSYWrMD+VjhI6q545cYT9YOyFxZb7UnjEepYDRc",
    "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22",
  ],
  [
    "kes:v1:AGaV6VXHasF0FnaB60WdCOeTZ8eTIDikL4zlN16c8NAs",
    "ea9826089311fe44d7590408ede9150f7c637b6cab0a91ee6fe1aa5d9fb366f6",
  ],
  [
    "kes:v1:AAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
    "a050837d85070582ccf7394b0988847cc312cb88259b894899f6f239cf1791a5",
  ],
];
const [[API_KEY, IDENTITY] = ["", ""]] = VECTORS;
const CERTIFICATE =
  "MIIBKDCB26ADAgECAhB6vebGMUfKnmBKyqoApRSOMAUGAytlcDAbMRkwFwYDVQQDDBByb290QHBsYXkubWluLmlvMB4XDTIwMDQzMDE1MjIyNVoXDTI1MDQyOTE1MjIyNVowGzEZMBcGA1UEAwwQcm9vdEBwbGF5Lm1pbi5pbzAqMAUGAytlcAMhALzn735WfmSH/ghKs+4iPWziZMmWdiWr/sqvqeW+WwSxozUwMzAOBgNVHQ8BAf8EBAMCB4AwEwYDVR0lBAwwCgYIKwYBBQUHAwIwDAYDVR0TAQH/BAIwADAFBgMrZXADQQDZOrGKb2ATkDlu2pTcP3LyhSBDpYh7V4TvjRkBTRgjkacCzwFLm+mh+7US8V4dBpIDsJ4uuWoF0y6vbLVGIlkG";
const PRIVATE_KEY = "MC4CAQAwBQYDK2VwBCIEID9E7FSYWrMD+VjhI6q545cYT9YOyFxZb7UnjEepYDRc";
const pem = (label: string, base64: string): string =>
  `-----BEGIN ${label}-----\n${(base64.match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${label}-----\n`;

const NOTE =
  "kes: an API key on the command line stands in the list of processes: better give '-' and the key on standard input\n";

describe("kes identity and kes identity of", () => {
  let site: IdentitySite;
  beforeEach(async () => {
    site = await IdentitySite.make();
  });
  afterEach(() => site.remove());

  it("without an argument prints a new API key each time and, in a pipe, nothing else", async () => {
    const first = await site.kes(["identity"]);
    const second = await site.kes(["identity"]);
    expect([first.code, first.err]).to.deep.equal([0, ""]);
    expect(first.out).to.match(/^kes:v1:[A-Za-z0-9+/]{44}$/);
    expect(ApiKey.parse(first.out).toString()).to.equal(first.out);
    expect(second.out).to.not.equal(first.out);
  });

  it("explains on a terminal, within 80 columns and in colours", async () => {
    const { out } = await site.kes(["identity"], { isTTY: true });
    const text = stripVTControlCharacters(out);
    expect(text).to.not.equal(out);
    const key = /Your API key:\n\n {3}(kes:v1:\S+)\n/.exec(text)?.[1] ?? "";
    expect(text).to.match(new RegExp(`Your Identity:\n\n {3}${ApiKey.parse(key).identity}\n`));
    for (const line of text.split("\n")) expect(line.length, line).to.be.at.most(80);
  });

  for (const command of [["identity"], ["identity", "of"]]) {
    const name = `kes ${command.join(" ")}`;

    for (const [apiKey, identity] of VECTORS) {
      it(`${name}: ${apiKey.slice(0, 12)}… as argument, without prefix, on standard input, as file`, async () => {
        const bare = apiKey.slice("kes:v1:".length);
        for (const word of [apiKey, bare]) {
          expect(await site.kes([...command, word])).to.deep.equal({ code: 0, out: identity, err: NOTE });
        }
        await site.write("key.txt", `${apiKey}\n`);
        for (const [argv, stdin] of [
          [["-"], apiKey],
          [["-"], `  ${bare}\r\n`],
          [["key.txt"], ""],
        ] as const) {
          const said = await site.kes([...command, ...argv], { stdin });
          expect(said).to.deep.equal({ code: 0, out: identity, err: "" });
        }
      });
    }

    it(`${name}: a certificate, also expired, of a chain the first`, async () => {
      const ca = certificateAuthority();
      const leaf = issuedBy(ca);
      await site.write("old.crt", pem("CERTIFICATE", CERTIFICATE));
      await site.write("chain.crt", `subject=leaf\n${leaf.certPem}${ca.certPem}`);
      expect(await site.kes([...command, "old.crt"])).to.deep.equal({ code: 0, out: IDENTITY, err: "" });
      expect((await site.kes([...command, "chain.crt"])).out).to.equal(leaf.identity);
      const stdin = await site.read("chain.crt");
      expect((await site.kes([...command, "-"], { stdin })).out).to.equal(leaf.identity);
    });

    it(`${name}: says of a CA's certificate that it is none of a client`, async () => {
      const ca = certificateAuthority();
      await site.write("ca.crt", ca.certPem);
      const said = await site.kes([...command, "ca.crt"]);
      expect(said).to.include({ code: 0, out: ca.identity });
      expect(said.err).to.equal(
        "kes: 'ca.crt' is a CA's certificate: no server takes it for that of a client\n",
      );
    });

    it(`${name}: a block for a person, the bare value for a pipe`, async () => {
      const { out } = await site.kes([...command, "-"], { stdin: API_KEY, isTTY: true });
      expect(stripVTControlCharacters(out)).to.equal(`\nIdentity:\n\n   ${IDENTITY}\n\n`);
    });

    const secrets = ["kes:v1:AD9E7FSYWrMD", "kes:v2:AD9E7FSYWrMD+VjhI6q545cYT9YOyFxZb7UnjEepYDRc"];
    secrets.push(
      "kes:v1:sbDvZFqUPFFwxRS4EkuoEb2nyyInkdKSUEYHXFHeTouW",
      "AD9E7FSYWrMD+VjhI6q545cYT9YOyFxZb7UnjEepYD",
    );
    for (const word of secrets) {
      it(`${name}: quotes no mistyped API key (${word.slice(0, 10)}…)`, async () => {
        const { code, out, err } = await site.kes([...command, word]);
        expect([code, out]).to.deep.equal([1, ""]);
        expect(err).to.match(/^Error: (?:kes: invalid API key: |this is neither a file nor a valid API key)/);
        expect(err).to.not.include(word.slice(8, 20));
      });
    }

    const refused: readonly (readonly [content: string | undefined, error: string])[] = [
      [undefined, "cannot read 'file': no such file or directory"],
      ["", "'file' contains no valid PEM certificate or private key"],
      ["hello", "'file' contains no valid PEM certificate or private key"],
      [pem("PUBLIC KEY", "AAAA"), "'file' contains no valid PEM certificate or private key"],
      [pem("CERTIFICATE", "MAMCAQE="), "'file' contains no valid PEM certificate or private key"],
      [
        pem("CERTIFICATE", CERTIFICATE).slice(0, 80),
        "'file' contains no valid PEM certificate or private key",
      ],
    ];
    for (const [content, error] of refused) {
      it(`${name}: ${JSON.stringify(content?.slice(0, 30))}: ${error}`, async () => {
        if (content !== undefined) await site.write("file", content);
        const { code, out, err } = await site.kes([...command, "file"]);
        expect([code, out, err.split("\n")[0]]).to.deep.equal([1, "", `Error: ${error}`]);
      });
    }

    it(`${name}: reads no folder, no endless device and no flood on standard input`, async () => {
      expect((await site.kes([...command, "."])).err).to.equal("Error: cannot read '.': is a directory\n");
      expect((await site.kes([...command, "/dev/zero"])).err).to.include("PEM data is too large");
      const flood = await site.kes([...command, "-"], { stdin: "A".repeat(1024 * 1024 + 1) });
      expect(flood).to.deep.equal({ code: 1, out: "", err: "Error: standard input is too large\n" });
    });
  }

  describe("private keys", () => {
    it("become the API key of the same identity", async () => {
      await site.write("key", pem("PRIVATE KEY", PRIVATE_KEY));
      expect(await site.kes(["identity", "key"])).to.deep.equal({ code: 0, out: API_KEY, err: "" });
      const stdin = await site.read("key");
      expect((await site.kes(["identity", "-"], { stdin })).out).to.equal(API_KEY);
      const { keyPem, identity } = selfSigned();
      await site.write("other", keyPem);
      expect(ApiKey.parse((await site.kes(["identity", "other"])).out).identity).to.equal(identity);
    });

    it("of other kinds are refused in KES's words", async () => {
      const text = "contains unsupported private key. Only ed25519 private keys are supported";
      await site.write("p256", selfSigned({ algorithm: "p256" }).keyPem);
      await site.write("ssh", pem("OPENSSH PRIVATE KEY", "AAAA"));
      for (const file of ["p256", "ssh"]) {
        expect((await site.kes(["identity", file])).err).to.equal(`Error: '${file}' ${text}\n`);
      }
    });

    it("are none of `kes identity of`'s business, nor is a certificate with a key beside it", async () => {
      const { certPem, keyPem } = selfSigned();
      await site.write("key", keyPem);
      await site.write("both", certPem + keyPem);
      const key = await site.kes(["identity", "of", "key"]);
      expect([key.code, key.out]).to.deep.equal([1, ""]);
      expect(key.err).to.match(/^Error: 'key' contains a private key, no certificate\nkes: /);
      const both = await site.kes(["identity", "of", "both"]);
      expect(both).to.deep.equal({
        code: 1,
        out: "",
        err: "Error: 'both' contains other data than certificates\n",
      });
    });

    it("that everybody can read are noted when a file of one is opened for renewal", async () => {
      const { certPem, keyPem } = selfSigned();
      await site.write("a.crt", certPem, 0o644);
      await site.write("a.key", keyPem, 0o644);
      expect((await site.kes(["identity", "renew", "a.crt"])).err).to.include(
        "every user of this machine can read the private key file 'a.key'",
      );
    });
  });

  it("of several prints one identity a line, and nothing when one of them is wrong", async () => {
    const { certPem, identity } = selfSigned();
    await site.write("a.crt", certPem);
    const said = await site.kes(["identity", "of", "a.crt", "-"], { stdin: API_KEY });
    expect(said).to.deep.equal({ code: 0, out: `${identity}\n${IDENTITY}\n`, err: "" });
    expect((await site.kes(["identity", "of", "a.crt", "none"])).out).to.equal("");
    expect((await site.kes(["identity", "of", "-", "-"])).err).to.equal(
      "Error: standard input can be read once\n",
    );
    expect((await site.kes(["identity", "of"])).err).to.equal(
      "Error: not enough arguments. See 'kes identity of --help'\n",
    );
  });

  it("agrees with itself: key file → API key → identity", async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 32, maxLength: 32 }), async (seed) => {
        const key = ApiKey.generate(() => seed);
        await site.write("k", key.privateKey.export({ type: "pkcs8", format: "pem" }).toString());
        const { out } = await site.kes(["identity", "k"]);
        expect(out).to.equal(key.toString());
        expect((await site.kes(["identity", "of", "-"], { stdin: out })).out).to.equal(
          identityOfKey(key.privateKey),
        );
      }),
      { numRuns: 20 },
    );
  });
});
