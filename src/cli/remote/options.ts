/** The flags of every command that talks to a server. */
import type { OptionSpecs, OptionValues } from "../command.js";

export const remoteOptions = {
  server: {
    type: "list",
    short: "s",
    value: "HOST[:PORT]",
    description: "Server, or several with commas (default $MINIO_KES_SERVER, then 127.0.0.1:7373)",
  },
  "api-key": {
    type: "string",
    short: "a",
    value: "KEY",
    description: "API key, or @FILE that holds it (default $MINIO_KES_API_KEY, where @FILE works as well)",
  },
  ca: {
    type: "string",
    value: "PATH",
    description:
      "Certificates to trust: a PEM file or a folder (default $MINIO_KES_CAPATH, then the system's)",
  },
  insecure: { type: "boolean", short: "k", description: "Do not check the server's certificate" },
  timeout: { type: "string", value: "DURATION", description: "Give up after this long (default 15s)" },
  enclave: { type: "string", short: "e", value: "NAME", description: "Accepted and ignored", hidden: true },
} as const satisfies OptionSpecs;

export type RemoteOptions = OptionValues<typeof remoteOptions>;
