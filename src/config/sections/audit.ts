/** `audit`: records of requests that can be proved afterwards. */
import { isAbsolute, resolve } from "node:path";
import type { AuditConfig, CollectorConfig, Config } from "../config.js";
import { duration, flag, optionalText, section, text, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";
import { parseSize } from "../size.js";

/** What the options of both collectors share. */
const collector = {
  ca: optionalText({
    description:
      "PEM file with the CA certificates that the collector's certificate must chain to; those of the system by default.",
  }),
  cert: optionalText({ description: "PEM file with a client certificate for the collector." }),
  key: optionalText({ description: "PEM file with the private key of cert." }),
  policy: text({
    default: "drop",
    enum: ["drop", "block"],
    description:
      "When more than max_backlog waits. drop: the oldest lines are not sent; they stay in the file. block: requests " +
      "for keys are refused until the collector takes lines again; needs audit.required.",
  }),
  max_backlog: text({
    default: "256MiB",
    description: "How far the collector may lag behind the file, which is its spool.",
  }),
};

export const auditSchema = section(
  {
    file: section(
      {
        path: optionalText({
          description: "The file, relative to the working directory. Without it there is none.",
        }),
        key: optionalText({
          description: "PEM file with the Ed25519 private key that signs checkpoints. 'kes init' makes one.",
        }),
        max_size: text({
          default: "100MiB",
          description:
            "A larger file is rotated away: it gets the number of its first line as suffix. 0 for never.",
        }),
        max_age: duration({
          default: "24h",
          description: "So is an older one. 0s for never.",
          negative: "kesconf: invalid audit file age '%d'",
        }),
        keep: text({ default: "0", description: "Rotated files that stay; 0 for all." }),
      },
      "The file that holds the records, each chained to the one before.",
    ),
    required: flag({
      default: false,
      description:
        "true: no answer with key material leaves before its record is on the disk, and none is given when it cannot " +
        "be written. false: such a loss is counted and logged.",
    }),
    syslog: section(
      {
        address: optionalText({
          description:
            "tls://host:6514, tcp://host:port or unix:/path of a stream socket. RFC 5424, octet counting.",
        }),
        ...collector,
      },
      "A syslog server that every line of the file is sent to.",
    ),
    webhook: section(
      {
        url: optionalText({
          description: "https:// address that takes lines as NDJSON by POST and answers 2xx.",
        }),
        authorization: optionalText({ description: "Value of the header authorization." }),
        ...collector,
      },
      "A web service that every line of the file is sent to.",
    ),
  },
  "Records of requests that can be proved afterwards: see docs/audit.md.",
);

type Value = ValueOf<typeof auditSchema>;

/** @returns undefined when there is no audit file */
export function resolveAudit(value: Value, scope: Scope, cwd: string): Config["audit"] {
  const file = scope.at("file");
  const { path, key } = value.file;
  const numbers = {
    maxBytes: sizeOf(value.file.max_size, file.at("max_size")),
    maxAgeMs: value.file.max_age,
    keep: countOf(value.file.keep, file.at("keep")),
  };
  const syslog = resolveSyslog(value, scope.at("syslog"), cwd);
  const webhook = resolveWebhook(value, scope.at("webhook"), cwd);
  if (path === undefined) {
    if (value.required) scope.at("required").error("needs a file: set 'audit.file.path'");
    if (syslog !== undefined)
      scope.at("syslog").error("needs a file, which is its spool: set 'audit.file.path'");
    if (webhook !== undefined)
      scope.at("webhook").error("needs a file, which is its spool: set 'audit.file.path'");
    if (key !== undefined) file.at("key").warn("has no effect without 'audit.file.path'");
    return undefined;
  }
  if (key === undefined) {
    file.error("signs nothing: set 'audit.file.key' to an Ed25519 private key; 'kes init' makes one");
    return undefined;
  }
  return {
    file: { path: resolve(cwd, path), keyFile: resolve(cwd, key), ...numbers },
    required: value.required,
    ...(syslog === undefined ? {} : { syslog }),
    ...(webhook === undefined ? {} : { webhook }),
  };
}

function sizeOf(text: string, at: Scope): number {
  const bytes = parseSize(text);
  if (bytes === undefined && at.ok)
    at.error(`'${at.shown(text)}' is no size; write for example 100MiB or 4GB`);
  return bytes ?? 0;
}

function countOf(text: string, at: Scope): number {
  const count = /^\d{1,6}$/.test(text.trim()) ? Number(text) : undefined;
  if (count === undefined && at.ok) at.error(`'${at.shown(text)}' is no number of files`);
  return count ?? 0;
}

function collectorOf(
  value: Value["syslog"] | Value["webhook"],
  isRequired: boolean,
  scope: Scope,
  cwd: string,
): CollectorConfig {
  const path = (one: string | undefined): string | undefined =>
    one === undefined ? undefined : resolve(cwd, one);
  const [caFile, certFile, keyFile] = [path(value.ca), path(value.cert), path(value.key)];
  const blocks = value.policy === "block";
  if (blocks && !isRequired)
    scope.at("policy").error("block needs 'audit.required: true': nothing waits for records without it");
  if ((certFile === undefined) !== (keyFile === undefined))
    scope.error("set both 'cert' and 'key', or neither");
  return {
    blocks,
    maxBacklogBytes: sizeOf(value.max_backlog, scope.at("max_backlog")),
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
}

function resolveSyslog({ syslog, required }: Value, scope: Scope, cwd: string): AuditConfig["syslog"] {
  const { address } = syslog;
  if (address === undefined) return undefined;
  const at = scope.at("address");
  const collector = collectorOf(syslog, required, scope, cwd);
  const [, socket] = /^unix:(?:\/\/)?(\/.{1,107})$/.exec(address) ?? [];
  if (socket !== undefined && isAbsolute(socket)) return { ...collector, transport: "unix", path: socket };
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const transport = url?.protocol === "tls:" ? "tls" : url?.protocol === "tcp:" ? "tcp" : undefined;
  const port = Number(url?.port ?? "") || (transport === "tls" ? 6514 : 0);
  const isBare = url?.pathname.replace("/", "") === "" && url.search === "" && url.username === "";
  if (url === undefined || transport === undefined || port === 0 || url.hostname === "" || !isBare) {
    at.error(`'${at.shown(address)}' is no address; write tls://host:6514, tcp://host:port or unix:/path`);
    return undefined;
  }
  return { ...collector, transport, host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port };
}

function resolveWebhook({ webhook, required }: Value, scope: Scope, cwd: string): AuditConfig["webhook"] {
  const { url, authorization } = webhook;
  if (url === undefined) return undefined;
  const at = scope.at("url");
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol !== "https:" || parsed.username !== "" || parsed.password !== "") {
    at.error(
      `'${at.shown(url)}' is no address that can be used; write https://host/path, secrets in 'authorization'`,
    );
    return undefined;
  }
  return {
    ...collectorOf(webhook, required, scope, cwd),
    url: parsed.href,
    ...(authorization === undefined ? {} : { authorization }),
  };
}
