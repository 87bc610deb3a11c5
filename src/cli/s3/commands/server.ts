/** `kes-s3 server`. */
import { resolve } from "node:path";
import { command } from "../../command.js";
import { serverFlags } from "../server-flags.js";

export const serverCommand = command({
  usage: "kes-s3 server [flags] DIR",
  description:
    "Serves S3 and keeps objects in DIR, which is made when it is missing and belongs to one server at a time. " +
    "The environment says who is root (MINIO_ROOT_USER, MINIO_ROOT_PASSWORD) and where keys come from " +
    "(MINIO_KMS_KES_*, MINIO_KMS_SECRET_KEY, MINIO_SSE_VAULT_*), by MinIO's names.",
  options: serverFlags,
  args: [1, 1],
  examples: [
    "MINIO_ROOT_USER=admin MINIO_ROOT_PASSWORD=$(cat password) kes-s3 server /srv/s3 --address 127.0.0.1:9000",
    "kes-s3 server /srv/s3 --cert public.crt --key private.key --access-keys keys.yml",
  ],

  async run({ args: [dir = ""], options }, context) {
    const [{ serveS3 }, { openFolder }, { serverOptions }] = await Promise.all([
      import("../serve.js"),
      import("../folder.js"),
      import("../server-options.js"),
    ]);
    return serveS3(serverOptions(options, context), openFolder(resolve(context.cwd, dir)), context);
  },
});
