/** The first steps of README.md: what `kes start` prints is pasted into a shell as it is. */
import { createHash } from "node:crypto";
import { lstat, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { selfSigned } from "../support/certificates.js";
import { run } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { requireService } from "../support/services/index.js";
import { type Checkout, makeCheckout, type StartedSite, startSite } from "../support/started-site.js";

describe("kes start, and the lines it prints", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let checkout: Checkout;
  let site: StartedSite;
  /** The commands to paste, by the word that tells them apart. */
  let lines: Record<"create" | "generate" | "decrypt" | "list", string>;
  /** What the data key was at the first start. */
  let sealed: { plaintext: string; ciphertext: string };

  before(async function () {
    requireService(this, "curl");
    checkout = await makeCheckout();
    cleanUp.add(() => checkout.remove());
    site = await startSite(checkout.folder);
    cleanUp.add(() => site.process.stop());
    lines = linesOf(site.process.output);
  });
  after(() => cleanUp.run());

  const paste = async (script: string): Promise<string> => {
    const { code, stdout, stderr } = await run(["sh"], { input: `${script}\n` });
    expect([code, stderr]).to.deep.equal([0, ""]);
    return stdout;
  };

  it("create a key, generate a data key, decrypt it and list, pasted as they are", async () => {
    const { create, generate, decrypt, list } = lines;
    const output = await paste([create, generate, decrypt, list].join("\n"));
    // Create answers without a body.
    const [made, opened, keys, ...rest] = output
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(rest).to.deep.equal([]);
    expect(Buffer.from(made.plaintext, "base64")).to.have.lengthOf(32);
    expect(Buffer.from(made.ciphertext, "base64")).to.have.lengthOf(76);
    expect(opened).to.deep.equal({ plaintext: made.plaintext });
    expect(keys).to.deep.equal({ names: ["my-minio-key"] });
    sealed = made;
  });

  it("say that the key exists when pasted again", async () => {
    expect(JSON.parse(await paste(lines.create))).to.deep.equal({ message: "key already exists" });
  });

  it("are refused with 403 under a certificate that no policy names", async () => {
    const stranger = selfSigned({ cn: "stranger", usages: ["clientAuth"] });
    const [cert, key] = [join(checkout.folder, "stranger.crt"), join(checkout.folder, "stranger.key")];
    await writeFile(cert, stranger.certPem);
    await writeFile(key, stranger.keyPem);
    for (const line of [lines.create, lines.list]) {
      const { status, body } = await pasteAs(line, cert, key);
      expect(status).to.equal("403");
      expect(JSON.parse(body)).to.deep.equal({ message: "not authorized: insufficient permissions" });
    }
  });

  it("work for the client as far as its policy allows", async () => {
    const [cert, key] = ["client.crt", "client.key"].map((name) => join(checkout.folder, ".keswick", name));
    expect((await pasteAs(lines.list, cert ?? "", key ?? "")).status).to.equal("200");
    const deletion = lines.create.replace("-X PUT", "-X DELETE").replace("/create/", "/delete/");
    expect((await pasteAs(deletion, cert ?? "", key ?? "")).status).to.equal("403");
  });

  it("name files and an address that a MinIO server can use", async () => {
    const exports = site.process.output.match(/^export .*$/gm) ?? [];
    const names = ["ENDPOINT", "KEY_NAME", "CERT_FILE", "KEY_FILE", "CAPATH"];
    const print = names.map((name) => `printf '%s\\n' "$MINIO_KMS_KES_${name}"`);
    const [endpoint, keyName, cert, key, ca] = (await paste([...exports, ...print].join("\n"))).split("\n");
    expect([endpoint, keyName]).to.deep.equal([`https://127.0.0.1:${site.port}`, "my-minio-key"]);
    const url = `"$MINIO_KMS_KES_ENDPOINT/v1/key/generate/$MINIO_KMS_KES_KEY_NAME"`;
    const files = `--cacert '${ca}' --cert '${cert}' --key '${key}'`;
    const reply = await paste(`${exports.join("\n")}\ncurl -sS ${files} -X POST ${url}`);
    expect(JSON.parse(reply)).to.include.keys("plaintext", "ciphertext");
  });

  it("find everything as it was after a second start", async () => {
    expect(await site.process.stop()).to.equal(0);
    const before = await fingerprint(checkout.folder);
    expect([...before.keys()]).to.include.members([".keswick/admin.key", ".keswick/keys/my-minio-key"]);

    site = await startSite(checkout.folder);
    expect(site.process.output).not.to.include("initialised");
    const request = `dek='${JSON.stringify(sealed)}'\n${linesOf(site.process.output).decrypt}`;
    expect(JSON.parse(await paste(request))).to.deep.equal({ plaintext: sealed.plaintext });
    expect(await site.process.stop()).to.equal(0);
    expect([...(await fingerprint(checkout.folder))]).to.deep.equal([...before]);
  });

  /** Runs a printed line with another certificate and key. */
  async function pasteAs(line: string, cert: string, key: string): Promise<{ status: string; body: string }> {
    const [curl = ""] = /curl -sS .*/.exec(line) ?? [];
    // curl takes the last of several.
    const output = await paste(`${curl} --cert '${cert}' --key '${key}' -w '\\n%{http_code}'`);
    const [, body = "", status = ""] = /^([\s\S]*)\n(\d+)$/.exec(output) ?? [];
    return { status, body };
  }
});

function linesOf(output: string): Record<"create" | "generate" | "decrypt" | "list", string> {
  const pasted = output.slice(output.indexOf("To try it")).split("\n");
  const line = (path: string): string => {
    const found = pasted.filter(
      (one) => /^(?:curl|dek=|echo) ?/.test(one) && one.includes(`/v1/key/${path}/`),
    );
    expect(found, path).to.have.lengthOf(1);
    return found.join();
  };
  return { create: line("create"), generate: line("generate"), decrypt: line("decrypt"), list: line("list") };
}

/** Mode and content of every file below `folder`, and the mode of every folder. */
async function fingerprint(folder: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of (await readdir(folder, { recursive: true })).sort()) {
    const path = join(folder, name);
    const stats = await lstat(path);
    const content = stats.isFile()
      ? createHash("sha256")
          .update(await readFile(path))
          .digest("hex")
      : "";
    found.set(name, `${stats.mode.toString(8)} ${content}`);
  }
  return found;
}
