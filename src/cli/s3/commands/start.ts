/** `kes-s3 start`: from nothing to a running S3 server and the lines to use it. What `npm run start:s3` runs. */
import { command } from "../../command.js";
import { serverFlags } from "../server-flags.js";

const DEFAULT_ADDRESS = "127.0.0.1:9000";
const DEFAULT_KEY_SERVER = "127.0.0.1:7373";

export const startCommand = command({
  usage: "kes-s3 start [flags]",
  description:
    "Serves S3 from the folder .keswick/s3 and shows how to use it. Where the environment names no key service, a key " +
    "server is started as 'kes start' does, or the one that runs already is used; where it names no root, an access " +
    "key is made and kept in .keswick/s3-root.env.",
  options: {
    ...serverFlags,
    address: {
      type: "string",
      value: "[IP]:PORT",
      description: `Listen here (default ${DEFAULT_ADDRESS})`,
    },
    "key-server": {
      type: "string",
      value: "[IP]:PORT",
      description: `Where the key server listens (default ${DEFAULT_KEY_SERVER})`,
    },
  },
  args: [0, 0],
  examples: ["kes-s3 start", "kes-s3 start --address 127.0.0.1:9010 --key-server 127.0.0.1:7374"],

  async run({ options }, context) {
    const [{ startS3 }, { serverOptions }] = await Promise.all([
      import("../start/start.js"),
      import("../server-options.js"),
    ]);
    const address = options.address ?? DEFAULT_ADDRESS;
    return startS3(
      serverOptions({ ...options, address }, context),
      options["key-server"] ?? DEFAULT_KEY_SERVER,
      context,
    );
  },
});
