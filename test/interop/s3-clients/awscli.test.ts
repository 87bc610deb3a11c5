/** AWS's command line at our server. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ClientCommand, type ClientSite, type S3Driver } from "../../support/s3-clients/driver.js";
import { toldKind } from "../../support/s3-clients/seen-object.js";
import { describeClient } from "../../support/s3-clients/table.js";
import { requireService } from "../../support/services/index.js";

/** Flags of `aws s3` for each kind: to store, to read, to copy from. */
async function flagsOf({ kind, keyName, customerKey, folder }: ClientSite) {
  if (kind === "SSE-S3") return { store: ["--sse", "AES256"], read: [], from: [] };
  if (kind === "SSE-KMS")
    return { store: ["--sse", "aws:kms", "--sse-kms-key-id", keyName], read: [], from: [] };
  if (kind === "none") return { store: [], read: [], from: [] };
  const file = join(folder, "customer.key");
  await writeFile(file, customerKey, { mode: 0o600 });
  const own = ["--sse-c", "AES256", "--sse-c-key", `fileb://${file}`];
  const from = ["--sse-c-copy-source", "AES256", "--sse-c-copy-source-key", `fileb://${file}`];
  return { store: own, read: own, from };
}

async function open(program: string, site: ClientSite): Promise<S3Driver> {
  const authority = site.caFile === undefined ? [] : (["--ca-bundle", site.caFile] as const);
  const command = [program, "--endpoint-url", site.url, ...authority] as const;
  const aws = new ClientCommand(command, site, {
    ...{ AWS_ACCESS_KEY_ID: site.user, AWS_SECRET_ACCESS_KEY: site.password },
    ...{ AWS_DEFAULT_REGION: "us-east-1", AWS_EC2_METADATA_DISABLED: "true", AWS_MAX_ATTEMPTS: "1" },
    PYTHONDONTWRITEBYTECODE: "1",
  });
  const { store, read, from } = await flagsOf(site);
  const at = (key: string): string => `s3://${site.bucket}/${key}`;
  const object = (key: string): readonly string[] => ["--bucket", site.bucket, "--key", key];
  // `aws s3api` has the key itself, and its checksum by itself.
  const customer =
    site.kind === "SSE-C"
      ? [
          "--sse-customer-algorithm",
          "AES256",
          "--sse-customer-key",
          `fileb://${join(site.folder, "customer.key")}`,
        ]
      : [];
  const quiet = ["--only-show-errors"];
  return {
    put: async (file, key) => void (await aws.ok("s3", "cp", ...quiet, ...store, file, at(key))),
    get: async (key, file) => void (await aws.ok("s3", "cp", ...quiet, ...read, at(key), file)),
    async range(key, offset, length) {
      const range = `bytes=${offset}-${offset + length - 1}`;
      await aws.ok(
        "s3api",
        "get-object",
        ...object(key),
        ...customer,
        "--range",
        range,
        join(site.folder, "range"),
      );
      return readFile(join(site.folder, "range"));
    },
    async stat(key) {
      const told = JSON.parse(await aws.ok("s3api", "head-object", ...object(key), ...customer));
      return { size: told.ContentLength, kind: toldKind(told) };
    },
    async list(prefix) {
      const told = JSON.parse(
        await aws.ok("s3api", "list-objects-v2", "--bucket", site.bucket, "--prefix", prefix),
      );
      return (told.Contents ?? []).map(({ Key }: { Key: string }) => Key);
    },
    copy: async (source, to) =>
      void (await aws.ok("s3", "cp", ...quiet, ...store, ...from, at(source), at(to))),
    upload: async (file, key) => void (await aws.ok("s3", "cp", ...quiet, ...store, file, at(key))),
    remove: async (key) => void (await aws.ok("s3", "rm", ...quiet, at(key))),
    sync: async (folder, prefix) => void (await aws.ok("s3", "sync", ...quiet, ...store, folder, at(prefix))),
    syncBack: async (prefix, folder) =>
      void (await aws.ok("s3", "sync", ...quiet, ...read, at(prefix), folder)),
  };
}

describeClient({
  client: "awscli",
  places: { TLS: "all", plain: ["put", "multipart"] },
  async prepare(context) {
    const program = requireService(context, "awscli");
    return (site) => open(program, site);
  },
});
