/** MinIO's client, `mc`, at our server. */
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect } from "chai";
import { ClientCommand, type ClientSite, type S3Driver } from "../../support/s3-clients/driver.js";
import type { Kind } from "../../support/s3-clients/seen-object.js";
import { describeClient, newSite } from "../../support/s3-clients/table.js";
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

let installed = "";

describeClient({
  client: "mc",
  places: { TLS: "all", plain: ["put", "get", "multipart"] },
  async prepare(context) {
    const program = requireService(context, "mc");
    return (site) => open(program, site);
  },
});
