/** The flags that every S3 server of ours has, whatever stands behind it. Light: help is made from it. */
import type { OptionSpecs } from "../command.js";

/** MinIO's. */
export const DEFAULT_ADDRESS = ":9000";

export const serverFlags = {
  address: {
    type: "string",
    value: "[IP]:PORT",
    description: `Listen here (default ${DEFAULT_ADDRESS}, on all interfaces)`,
  },
  cert: {
    type: "string",
    value: "FILE",
    description: "Certificate for TLS, PEM; read again when it changes",
  },
  key: { type: "string", value: "FILE", description: "Private key for TLS, PEM" },
  "access-keys": {
    type: "string",
    value: "FILE",
    description: "Further access keys, YAML or JSON; read again when it changes",
  },
  "access-log": {
    type: "string",
    value: "FILE",
    description: "Access log, a line of JSON for each request (default '-': standard output; 'off': none)",
  },
  "trusted-proxy": {
    type: "list",
    value: "IP[/BITS]",
    description: "Proxies that end TLS: their X-Forwarded-Proto and X-Forwarded-For are believed",
  },
} as const satisfies OptionSpecs;
