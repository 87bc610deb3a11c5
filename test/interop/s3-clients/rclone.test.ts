/** rclone at our server. */
import { join } from "node:path";
import { ClientCommand, type ClientSite, type S3Driver } from "../../support/s3-clients/driver.js";
import type { Kind } from "../../support/s3-clients/seen-object.js";
import { describeClient } from "../../support/s3-clients/table.js";
import { requireService } from "../../support/services/index.js";

/** What its configuration says for each kind. */
function encryptionOf({ kind, keyName, customerKey }: ClientSite): Readonly<Record<string, string>> {
  const of: Readonly<Record<Kind, Readonly<Record<string, string>>>> = {
    none: {},
    "SSE-S3": { SERVER_SIDE_ENCRYPTION: "AES256" },
    "SSE-KMS": { SERVER_SIDE_ENCRYPTION: "aws:kms", SSE_KMS_KEY_ID: keyName },
    "SSE-C": {
      SSE_CUSTOMER_ALGORITHM: "AES256",
      SSE_CUSTOMER_KEY_BASE64: customerKey.toString("base64"),
    },
  };
  return of[kind];
}

async function open(program: string, site: ClientSite): Promise<S3Driver> {
  const settings: Readonly<Record<string, string>> = {
    ...{ TYPE: "s3", PROVIDER: "Other", ENV_AUTH: "false", ENDPOINT: site.url, REGION: "us-east-1" },
    ...{ ACCESS_KEY_ID: site.user, SECRET_ACCESS_KEY: site.password },
    ...{ UPLOAD_CUTOFF: "5Mi", CHUNK_SIZE: "5Mi" },
    ...encryptionOf(site),
  };
  const env = Object.fromEntries(
    Object.entries(settings).map(([name, value]) => [`RCLONE_CONFIG_OURS_${name}`, value]),
  );
  const authority = site.caFile === undefined ? [] : (["--ca-cert", site.caFile] as const);
  const command = [program, "--config", join(site.folder, "rclone.conf"), ...authority] as const;
  const rclone = new ClientCommand(command, site, { ...env, RCLONE_RETRIES: "1" });
  const at = (key: string): string => `ours:${site.bucket}/${key}`;
  return {
    put: async (file, key) => void (await rclone.ok("copyto", file, at(key))),
    get: async (key, file) => void (await rclone.ok("copyto", at(key), file)),
    range: (key, offset, length) =>
      rclone.bytes("cat", "--offset", String(offset), "--count", String(length), at(key)),
    async stat(key) {
      const { Size } = JSON.parse(await rclone.ok("lsjson", "--stat", at(key)));
      return { size: Size };
    },
    async list(prefix) {
      const names = await rclone.ok("lsf", "--recursive", "--files-only", at(prefix));
      return names
        .trim()
        .split("\n")
        .filter((name) => name !== "")
        .map((name) => prefix + name);
    },
    copy: async (from, to) => void (await rclone.ok("copyto", at(from), at(to))),
    upload: async (file, key) => void (await rclone.ok("copyto", file, at(key))),
    remove: async (key) => void (await rclone.ok("deletefile", at(key))),
    sync: async (folder, prefix) => void (await rclone.ok("sync", folder, at(prefix))),
    syncBack: async (prefix, folder) => void (await rclone.ok("sync", at(prefix), folder)),
  };
}

describeClient({
  client: "rclone",
  places: {
    TLS: "all",
    plain: ["put", "get", "copy", "multipart", "sync"],
    gateway: ["put", "get", "range", "copy", "multipart", "delete"],
  },
  async prepare(context) {
    const program = requireService(context, "rclone");
    return (site) => open(program, site);
  },
});
