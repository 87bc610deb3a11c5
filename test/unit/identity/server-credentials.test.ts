import { createCipheriv, createHash, type KeyObject, randomBytes } from "node:crypto";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecureContext } from "node:tls";
import { expect } from "chai";
import { ConfigError } from "../../../src/errors.js";
import { identityOfKey } from "../../../src/identity/certificate.js";
import { toPem } from "../../../src/identity/pem.js";
import { PrivateKeyError, privateKeyOfPem } from "../../../src/identity/private-key.js";
import { readServerCredentials } from "../../../src/identity/server-credentials.js";
import { issuedBy, selfSigned, type TestAlgorithm, testKey } from "../../support/certificates.js";

const PASSWORD = "correct horse";

/** PKCS#8 under RFC 1423 with AES-256-CBC, as `kes identity new --encrypt` writes it. */
function rfc1423(key: KeyObject): string {
  const iv = randomBytes(16);
  // EVP_BytesToKey with MD5, one round, the IV's first half as salt.
  const first = createHash("md5").update(PASSWORD).update(iv.subarray(0, 8)).digest();
  const second = createHash("md5").update(first).update(PASSWORD).update(iv.subarray(0, 8)).digest();
  const cipher = createCipheriv("aes-256-cbc", Buffer.concat([first, second]), iv);
  const body = Buffer.concat([cipher.update(key.export({ type: "pkcs8", format: "der" })), cipher.final()]);
  const headers = `Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,${iv.toString("hex").toUpperCase()}\n\n`;
  return toPem("PRIVATE KEY", body).replace("KEY-----\n", `KEY-----\n${headers}`);
}

const keys = new Map<TestAlgorithm, KeyObject>(
  (["ed25519", "p256", "p384", "rsa"] as const).map((algorithm) => [algorithm, testKey(algorithm)]),
);
const key = (algorithm: TestAlgorithm): KeyObject => keys.get(algorithm) ?? testKey(algorithm);
const encryption = { format: "pem", cipher: "aes-256-cbc", passphrase: PASSWORD } as const;

describe("identity/private-key", () => {
  const plain: readonly [form: string, algorithm: TestAlgorithm, pem: () => string][] = [
    ["PKCS#8", "ed25519", () => key("ed25519").export({ type: "pkcs8", format: "pem" }).toString()],
    ["PKCS#8", "rsa", () => key("rsa").export({ type: "pkcs8", format: "pem" }).toString()],
    ["PKCS#1", "rsa", () => key("rsa").export({ type: "pkcs1", format: "pem" }).toString()],
    ["SEC1", "p256", () => key("p256").export({ type: "sec1", format: "pem" }).toString()],
    ["SEC1", "p384", () => key("p384").export({ type: "sec1", format: "pem" }).toString()],
  ];
  for (const [form, algorithm, pem] of plain) {
    it(`reads ${form} ${algorithm}`, () => {
      expect(identityOfKey(privateKeyOfPem(pem()))).to.equal(identityOfKey(key(algorithm)));
      expect(privateKeyOfPem(pem(), "not needed").type).to.equal("private");
    });
  }

  const encrypted: readonly [form: string, algorithm: TestAlgorithm, pem: () => string][] = [
    [
      "RFC 1423 PKCS#1",
      "rsa",
      () =>
        key("rsa")
          .export({ type: "pkcs1", ...encryption })
          .toString(),
    ],
    [
      "RFC 1423 SEC1",
      "p256",
      () =>
        key("p256")
          .export({ type: "sec1", ...encryption })
          .toString(),
    ],
    ["RFC 1423 around PKCS#8", "ed25519", () => rfc1423(key("ed25519"))],
    [
      "PKCS#8 encrypted",
      "ed25519",
      () =>
        key("ed25519")
          .export({ type: "pkcs8", ...encryption })
          .toString(),
    ],
  ];
  for (const [form, algorithm, pem] of encrypted) {
    it(`reads ${form} with its password only`, () => {
      const text = pem();
      expect(identityOfKey(privateKeyOfPem(text, PASSWORD))).to.equal(identityOfKey(key(algorithm)));
      const required = "https: private key is encrypted: password required";
      expect(() => privateKeyOfPem(text)).to.throw(PrivateKeyError, required);
      expect(() => privateKeyOfPem(text, "")).to.throw(PrivateKeyError, required);
      expect(() => privateKeyOfPem(text, "wrong")).to.throw(PrivateKeyError, "incorrect password");
    });
  }

  it("takes the first private key, whatever certificates stand around it", () => {
    const [a, b] = [selfSigned(), selfSigned()];
    const text = a.certPem + a.keyPem + b.certPem + b.keyPem;
    expect(identityOfKey(privateKeyOfPem(text))).to.equal(a.identity);
  });

  const { certPem, keyPem } = selfSigned();
  const invalid: readonly [why: string, text: string, message: string][] = [
    ["empty", "", "https: no valid PEM data"],
    ["no PEM", "hello", "https: no valid PEM data"],
    ["no end", keyPem.slice(0, 60), "https: no valid PEM data"],
    ["certificates only", certPem, "https: no PEM-encoded private key found"],
    ["another block", toPem("PUBLIC KEY", Buffer.alloc(9)), "https: unsupported PEM data block"],
    ["OpenSSH", toPem("OPENSSH PRIVATE KEY", Buffer.alloc(9)), "https: unsupported PEM data block"],
    ["rubbish inside", toPem("PRIVATE KEY", Buffer.alloc(40)), "https: private key is malformed"],
  ];
  for (const [why, text, message] of invalid) {
    it(`refuses: ${why}`, () => {
      expect(() => privateKeyOfPem(text)).to.throw(PrivateKeyError, message);
    });
  }
});

describe("identity/server-credentials", () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "keswick-credentials-"));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  let count = 0;
  const file = async (text: string): Promise<string> => {
    const path = join(dir, `${++count}.pem`);
    await writeFile(path, text);
    return path;
  };
  const failure = async (
    keyText: string,
    certText: string,
  ): Promise<{ message: string; files: string[] }> => {
    const files = { keyFile: await file(keyText), certFile: await file(certText) };
    const error: unknown = await readServerCredentials(files).catch((cause: unknown) => cause);
    if (!(error instanceof ConfigError)) throw new Error("ConfigError expected", { cause: error });
    return { message: error.message, files: [files.keyFile, files.certFile] };
  };

  it("gives the decrypted key and the chain, ready for TLS", async () => {
    const issuer = selfSigned({ ca: true });
    const leaf = issuedBy(issuer, { key: key("p256") });
    const pem = key("p256")
      .export({ type: "sec1", ...encryption })
      .toString();
    const keyFile = await file(issuer.certPem + pem);
    const certFile = await file(`text around\n${leaf.certPem}${issuer.certPem}`);
    const read = await readServerCredentials({ keyFile, certFile, password: PASSWORD });
    expect(read.cert).to.equal(leaf.certPem + issuer.certPem);
    expect(read.leaf).to.include({ identity: leaf.identity, namesHost: true, isCa: false });
    expect(read.key).to.match(/^-----BEGIN PRIVATE KEY-----\n/);
    createSecureContext({ key: read.key, cert: read.cert });
  });

  it("names both files when key and certificate do not belong together", async () => {
    const { message, files } = await failure(selfSigned().keyPem, selfSigned().certPem);
    for (const path of files) expect(message).to.include(path);
    expect(message).to.include("does not belong to the private key");
  });

  it("refuses a certificate that names no host", async () => {
    const { keyPem, certPem } = selfSigned({ sans: [] });
    const { message, files } = await failure(keyPem, certPem);
    const text = "invalid TLS certificate: certificate does not contain any DNS or IP address as SAN";
    expect(message).to.equal(`${files[1]}: ${text}`);
  });

  it("says which file is wrong and how", async () => {
    const { keyPem, certPem, key } = selfSigned();
    const { keyPem: other } = selfSigned();
    const encryptedKey = key.export({ type: "pkcs8", ...encryption }).toString();
    const cut = toPem("CERTIFICATE", Buffer.from("3003020101", "hex"));
    for (const [keyText, certText, index, text] of [
      [encryptedKey, certPem, 0, "https: private key is encrypted: password required"],
      [certPem, certPem, 0, "https: no PEM-encoded private key found"],
      ["", certPem, 0, "https: no valid PEM data"],
      [keyPem, "", 1, "https: no valid PEM data"],
      [keyPem, certPem + other, 1, "https: unsupported PEM data block"],
      [keyPem, cut, 1, "invalid certificate: "],
    ] as const) {
      const { message, files } = await failure(keyText, certText);
      expect(message).to.include(`${files[index]}: failed to read TLS certificate: ${text}`);
      for (const secret of [keyPem, other]) expect(message).to.not.include(secret.split("\n")[1]);
    }
  });

  it("says why a file cannot be read, and does not hang on a device", async () => {
    const { certPem } = selfSigned();
    for (const [keyFile, text] of [
      [join(dir, "none"), "no such file or directory"],
      [dir, "is a directory"],
      ["/dev/zero", "PEM data is too large"],
    ] as const) {
      const error: unknown = await readServerCredentials({ keyFile, certFile: await file(certPem) }).catch(
        (cause: unknown) => cause,
      );
      expect(error).to.be.instanceOf(ConfigError).with.property("message");
      expect(String(error)).to.include(`${keyFile}: failed to read TLS certificate: ${text}`);
    }
  });
});
