/** The programs that tests run: where they are, and what a test does when one is missing. */
import type { Context } from "mocha";
import { isServiceName, type ServiceName } from "./catalogue.js";
import { binaryPath, findOnPath, isExecutable, isInstalled } from "./folder.js";

export type { ServiceName } from "./catalogue.js";

/** Programs taken from the `PATH`. */
export type SystemToolName =
  | "chromium"
  | "curl"
  | "fish"
  | "groff"
  | "h2load"
  | "haproxy"
  | "jq"
  | "logrotate"
  | "nghttp"
  | "nginx"
  | "openssl"
  | "prometheus"
  | "promtool"
  | "python3"
  | "rclone"
  | "restic"
  | "s3cmd"
  | "s3fs"
  | "systemd-analyze"
  | "zsh";

/**
 * Path of an installed service's binary.
 * `KESWICK_<NAME>_BINARY` names one of the caller's own, for machines that cannot build it.
 * @public
 */
export function service(name: ServiceName): string | undefined {
  return suppliedBinary(name) ?? (isInstalled(name) ? binaryPath(name) : undefined);
}

/**
 * Path of a program on the `PATH`.
 * @public
 */
export function systemTool(name: SystemToolName): string | undefined {
  return findOnPath(name);
}

/**
 * Path of a program that a test cannot do without. When it is missing the test is skipped with one printed line,
 * or fails where the environment promises that it is there: `KESWICK_REQUIRE_SERVICES=1` promises all,
 * `KESWICK_REQUIRE_SERVICES=minio,mc` those two.
 */
export function requireService(context: Context, name: ServiceName | SystemToolName): string {
  const path = isServiceName(name) ? service(name) : systemTool(name);
  if (path !== undefined) return path;
  const remedy = isServiceName(name)
    ? `run 'npm run services -- ${name}' or set ${variableOf(name)}`
    : "it is not on the PATH";
  const reason = `${name} is not installed: ${remedy}`;
  if (isPromised(name, process.env.KESWICK_REQUIRE_SERVICES ?? "")) throw new Error(reason);
  const title = context.test?.parent?.fullTitle() ?? "a test";
  console.log(`skipped: ${title}: ${reason}`);
  return context.skip();
}

/**
 * The binary that `KESWICK_<NAME>_BINARY` names.
 * @throws Error when it names none that can be run: a silent fall-back would test something else
 */
export function suppliedBinary(name: ServiceName): string | undefined {
  const variable = variableOf(name);
  const path = process.env[variable];
  if (!path) return undefined;
  if (!isExecutable(path)) throw new Error(`${variable} names '${path}', which cannot be run`);
  return path;
}

function variableOf(name: ServiceName): string {
  return `KESWICK_${name.toUpperCase()}_BINARY`;
}

function isPromised(name: string, promise: string): boolean {
  return promise === "1" || promise.split(",").includes(name);
}
