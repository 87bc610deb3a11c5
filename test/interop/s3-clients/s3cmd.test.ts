/** s3cmd at our server. */
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClientCommand, type ClientSite, type S3Driver } from "../../support/s3-clients/driver.js";
import { describeClient } from "../../support/s3-clients/table.js";
import { requireService } from "../../support/services/index.js";

async function open(program: string, site: ClientSite): Promise<S3Driver> {
  const { host } = new URL(site.url);
  const settings = join(site.folder, "s3cfg");
  const lines = [
    "[default]",
    `access_key = ${site.user}`,
    `secret_key = ${site.password}`,
    `host_base = ${host}`,
    // No name before the host: buckets are in paths.
    `host_bucket = ${host}`,
    `use_https = ${site.caFile === undefined ? "False" : "True"}`,
    ...(site.caFile === undefined ? [] : [`ca_certs_file = ${site.caFile}`]),
    "bucket_location = us-east-1",
    "multipart_chunk_size_mb = 5",
    "max_retries = 1",
    "progress_meter = False",
  ];
  await writeFile(settings, `${lines.join("\n")}\n`, { mode: 0o600 });
  const s3cmd = new ClientCommand([program, "--config", settings], site, { PYTHONDONTWRITEBYTECODE: "1" });
  const store = {
    none: [],
    "SSE-S3": ["--server-side-encryption"],
    "SSE-KMS": ["--server-side-encryption", `--server-side-encryption-kms-id=${site.keyName}`],
    "SSE-C": [],
  }[site.kind];
  const at = (key: string): string => `s3://${site.bucket}/${key}`;
  return {
    put: async (file, key) => void (await s3cmd.ok("put", ...store, file, at(key))),
    get: async (key, file) => void (await s3cmd.ok("get", "--force", at(key), file)),
    // It asks for ranges to go on with a file that broke off: from where it ends to the object's end.
    async range(key, offset, length) {
      const file = join(site.folder, "broken-off");
      await writeFile(file, "");
      await truncate(file, offset);
      await s3cmd.ok("get", "--continue", at(key), file);
      return (await readFile(file)).subarray(offset, offset + length);
    },
    async stat(key) {
      const told = await s3cmd.ok("info", at(key));
      const size = /File size: +(\d+)/.exec(told)?.[1];
      const sse = /SSE: +(\S+)/.exec(told)?.[1];
      const kind = sse === "AES256" ? "SSE-S3" : sse === "aws:kms" ? "SSE-KMS" : "none";
      return { size: Number(size), kind };
    },
    async list(prefix) {
      const lines = await s3cmd.ok("ls", "--recursive", at(prefix));
      return [...lines.matchAll(/s3:\/\/[^/]+\/(.*)$/gm)].map(([, key = ""]) => key);
    },
    copy: async (from, to) => void (await s3cmd.ok("cp", ...store, at(from), at(to))),
    upload: async (file, key) => void (await s3cmd.ok("put", ...store, file, at(key))),
    remove: async (key) => void (await s3cmd.ok("del", at(key))),
    sync: async (folder, prefix) => void (await s3cmd.ok("sync", ...store, `${folder}/`, at(prefix))),
    syncBack: async (prefix, folder) => void (await s3cmd.ok("sync", at(prefix), `${folder}/`)),
  };
}

describeClient({
  client: "s3cmd",
  places: { TLS: "all", plain: ["put", "get", "multipart"] },
  lacks: { "SSE-C": "it has no option for it" },
  storesAgain: ["SSE-KMS"],
  async prepare(context) {
    const program = requireService(context, "s3cmd");
    return (site) => open(program, site);
  },
});
