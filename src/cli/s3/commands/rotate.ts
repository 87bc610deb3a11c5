/** `kes-s3 rotate`. */
import { resolve } from "node:path";
import { UsageError } from "../../../errors.js";
import { command } from "../../command.js";
import { countOf } from "../../positive.js";

const DEFAULT_PARALLEL = 8;

export const rotateCommand = command({
  usage: "kes-s3 rotate [flags] --bucket BUCKET --key KEY",
  description:
    "Seals the keys of stored objects under KEY; contents, ETags and times stay as they are. Of a running server with " +
    "--server and the root's access key from the environment (MINIO_ROOT_USER, MINIO_ROOT_PASSWORD), or of a folder " +
    "that no server has with --dir. Objects that are not encrypted, or under keys of clients, are left alone.",
  options: {
    bucket: { type: "string", value: "BUCKET", description: "Bucket of the objects" },
    prefix: { type: "string", value: "PREFIX", description: "Only objects whose keys begin so" },
    key: { type: "string", value: "KEY", description: "Name of the key at the key service" },
    server: {
      type: "string",
      value: "URL",
      description: "Server that has the objects (default http://127.0.0.1:9000)",
    },
    dir: {
      type: "string",
      value: "DIR",
      description: "Folder that has the objects, while no server runs on it",
    },
    ca: {
      type: "string",
      value: "FILE",
      description: "Authority that the server's certificate is checked against",
    },
    mark: {
      type: "string",
      value: "FILE",
      description: "Keep there how far it has come: the same command again goes on from there",
    },
    "start-after": {
      type: "string",
      value: "OBJECT",
      description: "Objects up to this one are done already",
    },
    parallel: {
      type: "string",
      value: "NUMBER",
      description: `Objects at a time (default ${DEFAULT_PARALLEL})`,
    },
    json: { type: "boolean", description: "Print a report as JSON" },
  },
  args: [0, 0],
  examples: [
    "kes-s3 rotate --bucket photos --key key-of-2027 --mark photos.mark",
    "kes-s3 rotate --bucket photos --prefix 2026/ --key key-of-2027 --server https://s3.example.net --ca ca.crt",
    "kes-s3 rotate --bucket photos --key key-of-2027 --dir /srv/s3 --json",
  ],

  async run({ options }, context) {
    const { bucket, key, prefix = "", server, dir, ca, mark, json } = options;
    if (bucket === undefined || key === undefined) throw new UsageError("--bucket and --key are needed");
    if (server !== undefined && dir !== undefined) throw new UsageError("--server or --dir, not both");
    const [{ interruptible }, { openObjects }, { rotate }, { readMark }] = await Promise.all([
      import("../../interrupt.js"),
      import("../rotate/open.js"),
      import("../rotate/rotation.js"),
      import("../rotate/mark.js"),
    ]);
    const target = { bucket, prefix, keyId: key };
    const parallel = countOf("parallel", options.parallel) ?? DEFAULT_PARALLEL;
    const markFile = mark === undefined ? undefined : resolve(context.cwd, mark);
    const marked = markFile === undefined ? "" : await readMark(markFile, target);
    const after = options["start-after"] ?? marked;
    return interruptible(async (signal) => {
      const objects = await openObjects(context, { bucket, server, dir, ca, parallel });
      try {
        const mark = markFile === undefined ? {} : { markFile };
        return await rotate(context, objects, { target, after, ...mark, parallel, json }, signal);
      } finally {
        await objects.close();
      }
    });
  },
});
