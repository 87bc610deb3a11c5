import { execFileSync } from "node:child_process";
import { expect } from "chai";
import { type QuickstartPaths, quickstart } from "../../../src/cli/quickstart.js";

const paths = (dir: string): QuickstartPaths => ({
  serverCert: `${dir}/server.crt`,
  adminKey: `${dir}/admin.key`,
  adminCert: `${dir}/admin.crt`,
  clientKey: `${dir}/client.key`,
  clientCert: `${dir}/client.crt`,
});
const listen = { host: "0.0.0.0", port: 7373 };
const commandLines = (text: string): string[] =>
  text.split("\n").filter((line) => /^(?:curl|dek=|echo|export) ?/.test(line));

describe("cli/quickstart", () => {
  it("shows create, generate, decrypt, list and the five variables of MinIO", () => {
    const curl = "curl -sS --cacert /k/server.crt --cert /k/admin.crt --key /k/admin.key";
    const api = "https://127.0.0.1:7373/v1/key";
    expect(commandLines(quickstart(paths("/k"), listen))).to.deep.equal([
      `${curl} -X PUT ${api}/create/my-minio-key`,
      `dek=$(${curl} -X PUT ${api}/generate/my-minio-key); echo "$dek"`,
      `echo "$dek" | sed 's/.*\\("ciphertext":"[^"]*"\\).*/{\\1}/' | ${curl} -X PUT --data @- ${api}/decrypt/my-minio-key`,
      `${curl} '${api}/list/*'`,
      "export MINIO_KMS_KES_ENDPOINT=https://127.0.0.1:7373",
      "export MINIO_KMS_KES_KEY_NAME=my-minio-key",
      "export MINIO_KMS_KES_CERT_FILE=/k/client.crt",
      "export MINIO_KMS_KES_KEY_FILE=/k/client.key",
      "export MINIO_KMS_KES_CAPATH=/k/server.crt",
    ]);
  });

  it("names an address that a client can reach", () => {
    for (const [host, url] of [
      ["", "https://127.0.0.1:1"],
      ["::", "https://127.0.0.1:1"],
      ["127.0.0.1", "https://127.0.0.1:1"],
      ["::1", "'https://[::1]:1'"],
      ["10.1.2.3", "https://10.1.2.3:1"],
    ] as const) {
      expect(quickstart(paths("/k"), { host, port: 1 })).to.include(`ENDPOINT=${url}\n`);
    }
  });

  it("quotes paths so that a shell and curl read them as they are", () => {
    const dir = "/a b/it's $HOME;`x`\\:y";
    const text = quickstart(paths(dir), listen);
    // A shell function in curl's place prints the words that curl would be given.
    const shell = `curl() { printf '%s\\n' "$@"; }\n${commandLines(text).at(0)}\n`;
    const words = execFileSync("sh", ["-c", shell]).toString().split("\n");
    expect(words[words.indexOf("--cacert") + 1]).to.equal(`${dir}/server.crt`);
    expect(words[words.indexOf("--key") + 1]).to.equal(`${dir}/admin.key`);
    // curl takes `\\` for `\` and `\:` for `:` in --cert alone.
    expect(words[words.indexOf("--cert") + 1]).to.equal(`${dir.replace("\\:", "\\\\\\:")}/admin.crt`);
    const exports = `${commandLines(text).slice(-5).join("\n")}\nprintf %s "$MINIO_KMS_KES_CAPATH"`;
    expect(execFileSync("sh", ["-c", exports]).toString()).to.equal(`${dir}/server.crt`);
  });

  it("sends back the ciphertext alone", () => {
    const [, , decrypt = ""] = commandLines(quickstart(paths("/k"), listen));
    const sed = decrypt.split(" | ")[1] ?? "";
    for (const reply of [
      '{"plaintext":"cGw=","ciphertext":"Y2k+/="}',
      '{"ciphertext":"Y2k+/=","plaintext":"cGw="}',
    ]) {
      expect(execFileSync("sh", ["-c", sed], { input: `${reply}\n` }).toString()).to.equal(
        '{"ciphertext":"Y2k+/="}\n',
      );
    }
  });
});
