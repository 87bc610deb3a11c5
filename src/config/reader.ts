/** Puts the configuration together: file → tree → decoded values → validated sections → {@link Config}. */
import { dirname, resolve } from "node:path";
import { crossCheck } from "./assigned.js";
import type { Config, PolicyConfig, TlsConfig } from "./config.js";
import type { LoadContext, LoadOptions } from "./context.js";
import { decode } from "./decode.js";
import { Faults } from "./faults.js";
import { IdentityReader, type PlacedCertificate } from "./identities.js";
import { modernize } from "./older.js";
import { configSchema } from "./root-schema.js";
import type { Scope } from "./scope.js";
import { parseAddress } from "./sections/address.js";
import { resolveAdmin } from "./sections/admin.js";
import { resolveApi } from "./sections/api.js";
import { resolveAudit } from "./sections/audit.js";
import { resolveCache } from "./sections/cache.js";
import { resolveCluster } from "./sections/cluster.js";
import { resolveKeys } from "./sections/keys.js";
import { resolveKeystore } from "./sections/keystore.js";
import { resolveLog } from "./sections/log.js";
import { resolveMetrics } from "./sections/metrics.js";
import { resolvePolicies, type WrittenPolicy } from "./sections/policy.js";
import { resolveServer } from "./sections/server.js";
import { resolveTls } from "./sections/tls.js";
import { readTextFile, TextFileError } from "./text-file.js";
import { describeNode, type MapNode } from "./tree.js";
import { validate } from "./validate.js";
import { parseYaml } from "./yaml.js";

/** As {@link loadConfig}. @throws ConfigError */
export async function readConfig(file: string, options: LoadOptions): Promise<Config> {
  const source = sourceOf(file, options);
  const { faults } = source;
  const tree = await readMap(source);
  const read = tree && (await resolveTree(modernize(tree, faults), source));
  faults.throwIfAny();
  if (read?.config === undefined) throw new Error("config: refused without a reason");
  return read.config;
}

/** A file to be read, and where its faults go. */
export interface Source {
  /** As the caller named it, for messages. */
  readonly file: string;
  readonly absolute: string;
  /** What the file holds; read from the disk when absent. */
  readonly text?: string;
  readonly context: LoadContext;
  readonly faults: Faults;
}

export function sourceOf(file: string, options: LoadOptions): Source {
  const cwd = options.cwd ?? process.cwd();
  const absolute = resolve(cwd, file);
  return { file, absolute, context: { ...options, cwd, folder: dirname(absolute) }, faults: new Faults() };
}

/** The mapping that the file holds; without one, the reason is among the faults, which call the file `what`. */
export async function readMap(
  { file, absolute, faults, ...source }: Source,
  what = "the configuration",
): Promise<MapNode | undefined> {
  let text: string;
  try {
    text = source.text ?? (await readTextFile(absolute));
  } catch (error) {
    if (!(error instanceof TextFileError)) throw error;
    faults.error({ file }, "", `cannot read ${what}: ${error.message}`);
    return undefined;
  }
  const tree = parseYaml(text, file, faults);
  if (tree?.kind === "map" && faults.errorCount === 0) return tree;
  if (tree !== undefined && tree.kind !== "map") {
    faults.error(tree.place, "", `expected a mapping (lines of 'key: value'), found ${describeNode(tree)}`);
  }
  if (/^\s*\[[\w.]+\]\s*$/m.test(text)) {
    faults.error({ file }, "", "this looks like a TOML file; KES reads YAML since v0.8");
  }
  return undefined;
}

/** What a configuration says, as far as it could be read. */
export interface ReadTree {
  /** Absent when there is an error among the faults. */
  readonly config?: Config;
  readonly admin: Config["admin"] | undefined;
  readonly tls: TlsConfig;
  /** Of the section `tls`. */
  readonly tlsScope: Scope;
  readonly policies: readonly PolicyConfig[];
  readonly written: readonly WrittenPolicy[];
  readonly api: Config["api"];
  readonly certificates: readonly PlacedCertificate[];
}

/** Reads the sections of `tree`, which is in today's form. */
export async function resolveTree(tree: MapNode, source: Source): Promise<ReadTree> {
  const { context, faults, file } = source;
  const { env, adapters, routes } = context;
  const decoded = decode(tree, configSchema, { env, faults });
  const { value, scope } = validate(decoded, configSchema, { faults });
  const reader = new IdentityReader(context);

  checkVersion(value.version, scope.at("version"));
  const address = parseAddress(value.address);
  if ("fault" in address) scope.at("address").error(address.fault);
  // The order is that of what must be known first: an identity is judged by those before it.
  const admin = await resolveAdmin(value.admin, scope.at("admin"), reader);
  const tls = await resolveTls(value.tls, scope.at("tls"), context, reader);
  const { policies, written } = await resolvePolicies(value.policy, scope.at("policy"), context, reader);
  const server = resolveServer(value.server, scope.at("server"));
  const api = resolveApi(value.api, scope.at("api"), routes);
  const cache = resolveCache(value.cache, scope.at("cache"));
  const cluster = resolveCluster(value.cluster, scope.at("cluster"), tls, context.cwd);
  const log = resolveLog(value.log, scope.at("log"));
  const audit = resolveAudit(value.audit, scope.at("audit"), context.cwd);
  const metrics = resolveMetrics(value.metrics, scope.at("metrics"));
  const keys = resolveKeys(value.keys, scope.at("keys"));
  const keystore = await resolveKeystore(tree, { adapters, env, faults, file });
  crossCheck(reader.uses, faults);

  const { certificates } = reader;
  const read = { admin, tls, tlsScope: scope.at("tls"), policies, written, api, certificates };
  if (faults.errorCount > 0 || admin === undefined || keystore === undefined || "fault" in address) {
    return read;
  }
  const config: Config = {
    file: source.absolute,
    address,
    admin,
    tls,
    server,
    policies,
    api,
    cache,
    log,
    ...(audit === undefined ? {} : { audit }),
    metrics,
    ...(cluster === undefined ? {} : { cluster }),
    keys,
    keystore,
    certificates: certificates.map(({ place, ...certificate }) => certificate),
    warnings: faults.warnings(),
  };
  return { ...read, config };
}

function checkVersion(version: string | undefined, at: Scope): void {
  if (version === undefined || version === "v1") return;
  // The prefix is KES's own.
  at.error(`edge: invalid server config version '${version}'; write v1`);
}
