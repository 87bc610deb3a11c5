/** What the flags of an S3 server mean. */
import { resolve } from "node:path";
import { UsageError } from "../../errors.js";
import type { CommandContext, OptionValues } from "../command.js";
import { parseAddress } from "../server/address.js";
import { DEFAULT_ADDRESS, type serverFlags } from "./server-flags.js";

export interface S3ServerOptions {
  readonly host: string;
  readonly port: number;
  /** Absolute paths. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
  readonly accessKeyFile?: string;
  /** `-`, `off`, or an absolute path. */
  readonly accessLog: string;
  readonly trustedProxies: readonly string[];
}

/** @throws UsageError */
export function serverOptions(
  options: OptionValues<typeof serverFlags>,
  { cwd }: CommandContext,
): S3ServerOptions {
  const { cert, key } = options;
  if ((cert === undefined) !== (key === undefined)) {
    throw new UsageError("--cert and --key belong together: give both, or none for plain HTTP");
  }
  const accessKeys = options["access-keys"];
  const accessLog = options["access-log"] ?? "-";
  return {
    ...parseAddress(options.address ?? DEFAULT_ADDRESS),
    ...(cert === undefined || key === undefined
      ? {}
      : { tls: { certFile: resolve(cwd, cert), keyFile: resolve(cwd, key) } }),
    ...(accessKeys === undefined ? {} : { accessKeyFile: resolve(cwd, accessKeys) }),
    accessLog: accessLog === "-" || accessLog === "off" ? accessLog : resolve(cwd, accessLog),
    trustedProxies: options["trusted-proxy"],
  };
}
