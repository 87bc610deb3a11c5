/** MinIO's client, `mc`, at our server. */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { ClientCommand, type ClientSite, type S3Driver } from "../../support/s3-clients/driver.js";
import type { Kind } from "../../support/s3-clients/seen-object.js";
import { describeClient, newSite } from "../../support/s3-clients/table.js";
import { KEY_NAME } from "../../support/s3-server.js";
import { requireService } from "../../support/services/index.js";

/** Where `mc` knows the server as `ours`. */
async function commandAt(program: string, site: ClientSite): Promise<ClientCommand> {
  const folder = join(site.folder, "mc");
  const authorities = join(folder, "certs", "CAs");
  await mkdir(authorities, { recursive: true });
  if (site.caFile !== undefined) await cp(site.caFile, join(authorities, "ca.crt"));
  return new ClientCommand([program, "--config-dir", folder, "--no-color", "--quiet"], site, {
    MC_HOST_ours: site.url.replace("//", `//${site.user}:${site.password}@`),
  });
}

async function open(program: string, site: ClientSite): Promise<S3Driver> {
  const mc = await commandAt(program, site);
  const all = `ours/${site.bucket}/`;
  const customer = ["--enc-c", `${all}=${site.customerKey.toString("hex")}`];
  const of: Readonly<Record<Kind, readonly string[]>> = {
    none: [],
    "SSE-S3": ["--enc-s3", all],
    "SSE-KMS": ["--enc-kms", `${all}=${site.keyName}`],
    "SSE-C": customer,
  };
  const store = of[site.kind];
  const read = site.kind === "SSE-C" ? customer : [];
  const at = (key: string): string => all + key;
  return {
    put: async (file, key) => void (await mc.ok("cp", ...store, file, at(key))),
    get: async (key, file) => void (await mc.ok("cp", ...read, at(key), file)),
    // It asks for the rest of an object, and has no word for where to end.
    range: async (key, offset, length) =>
      (await mc.bytes("cat", ...read, "--offset", String(offset), at(key))).subarray(0, length),
    async stat(key) {
      const { size } = JSON.parse(await mc.ok("--json", "stat", ...read, at(key)));
      const text = await mc.ok("stat", ...read, at(key));
      const encryption = /^Encryption: (.*?) *$/m.exec(text)?.[1];
      expect(encryption).to.equal(
        {
          none: undefined,
          "SSE-S3": "SSE-S3",
          "SSE-KMS": `SSE-KMS (${site.keyName})`,
          "SSE-C": "SSE-C",
        }[site.kind],
      );
      return { size };
    },
    async list(prefix) {
      const lines = await mc.ok("--json", "ls", "--recursive", at(prefix));
      return lines
        .split("\n")
        .filter((line) => line !== "")
        .map((line) => prefix + JSON.parse(line).key);
    },
    copy: async (from, to) => void (await mc.ok("cp", ...store, at(from), at(to))),
    upload: async (file, key) => void (await mc.ok("put", "--part-size", "5MiB", ...store, file, at(key))),
    remove: async (key) => void (await mc.ok("rm", at(key))),
    sync: async (folder, prefix) => void (await mc.ok("mirror", ...store, folder, at(prefix))),
    syncBack: async (prefix, folder) => void (await mc.ok("mirror", ...read, at(prefix), folder)),
  };
}

/** In this release's words, of a MinIO too. */
const NO_DEFAULT =
  "mc: <ERROR> Unable to get encryption info. The server side encryption configuration was not found.";
let program = "";

describeClient({
  client: "mc",
  places: { TLS: "all", plain: ["put", "get", "multipart"] },
  async prepare(context) {
    program = requireService(context, "mc");
    return (site) => open(program, site);
  },
  more(place) {
    it("sets, shows and clears a bucket's default, and objects follow it", async () => {
      const site = await newSite(place(), "none");
      const mc = await commandAt(program, site);
      const bucket = `ours/${site.bucket}`;
      const file = join(site.folder, "file");
      await writeFile(file, "content");
      const info = async () => {
        const { code, stdout, stderr } = await mc.run("encrypt", "info", bucket);
        return [code, (stdout + stderr).trim()];
      };
      const set = `Auto encryption configuration has been set successfully for ${bucket}`;
      const stored = async (key: string) => {
        await mc.ok("cp", file, `${bucket}/${key}`);
        return (await place().seen(site.bucket, key))?.kind;
      };

      expect(await info()).to.deep.equal([1, NO_DEFAULT]);
      expect((await mc.ok("encrypt", "set", "sse-s3", bucket)).trim()).to.equal(set);
      expect(await info()).to.deep.equal([0, "Auto encryption 'sse-s3' is enabled"]);
      expect(await stored("one")).to.equal("SSE-S3");
      expect((await mc.ok("encrypt", "set", "sse-kms", KEY_NAME, bucket)).trim()).to.equal(set);
      expect(await info()).to.deep.equal([0, `Auto encryption 'sse-kms' is enabled with KeyID: ${KEY_NAME}`]);
      expect(await stored("two")).to.equal("SSE-KMS");
      const told = JSON.parse(await mc.ok("--json", "encrypt", "info", bucket));
      expect(told.encryption).to.include({ algorithm: "aws:kms", keyId: KEY_NAME });
      // Of the bucket itself, below its other properties.
      expect(await mc.ok("stat", bucket))
        .to.match(/Encryption/)
        .and.contain(KEY_NAME);
      expect((await mc.ok("encrypt", "clear", bucket)).trim()).to.equal(
        `Auto encryption configuration has been cleared successfully for ${bucket}`,
      );
      expect(await info()).to.deep.equal([1, NO_DEFAULT]);
      expect(await stored("three")).to.equal("none");
      expect((await place().seen(site.bucket, "one"))?.kind).to.equal("SSE-S3");
    });

    it("is told about a key that the key service does not have", async () => {
      const site = await newSite(place(), "none");
      const mc = await commandAt(program, site);
      const { code, stdout, stderr } = await mc.run(
        "encrypt",
        "set",
        "sse-kms",
        "no-such-key",
        `ours/${site.bucket}`,
      );
      expect(code).to.equal(1);
      expect(stdout + stderr).to.match(/Unable to enable auto encryption.*key/i);
      const info = await mc.run("encrypt", "info", `ours/${site.bucket}`);
      expect(info.stdout + info.stderr).to.contain(NO_DEFAULT);
    });
  },
});
