/** Reads a file that holds policies, in whichever form, for tools that look at it without running a server. */
import { basename } from "node:path";
import type { ConfigFault } from "../errors.js";
import { type Identity, policyName } from "../names.js";
import { crossCheck } from "./assigned.js";
import type { PolicyConfig } from "./config.js";
import type { LoadOptions } from "./context.js";
import { decode } from "./decode.js";
import type { Place } from "./faults.js";
import { IdentityReader, type PlacedCertificate } from "./identities.js";
import { modernize } from "./older.js";
import { type ReadTree, readMap, resolveTree, type Source, sourceOf } from "./reader.js";
import { configSchema } from "./root-schema.js";
import { optionalText, section } from "./schema.js";
import { policySchema, resolveDocument, resolvePolicies, type WrittenPolicy } from "./sections/policy.js";
import type { MapNode } from "./tree.js";
import { validate } from "./validate.js";

/** A file of certificates that the server reads when it starts. */
export interface CertificateFile {
  /** `tls.cert` or `tls.ca`. */
  readonly use: string;
  /** Absolute; of a `tls.ca` it may be a folder. */
  readonly file: string;
  readonly place: Place;
}

export interface Inspection {
  /** `document`: rules alone. `policies`: nothing but the section `policy`. Undefined: it could not be told. */
  readonly kind: "configuration" | "policies" | "document" | undefined;
  readonly errors: readonly ConfigFault[];
  readonly warnings: readonly ConfigFault[];
  /** Complete where there are no errors. The policy of a document has the file's name and no identities. */
  readonly policies: readonly PolicyConfig[];
  /** The same policies as written, those with errors too. */
  readonly written: readonly WrittenPolicy[];
  readonly admin?: Identity;
  /** Paths of routes that the file opens to everybody. */
  readonly openRoutes: ReadonlySet<string>;
  /** Identities that are given as certificates. */
  readonly certificates: readonly PlacedCertificate[];
  readonly certificateFiles: readonly CertificateFile[];
}

/** As {@link inspectFile}. */
export async function inspect(file: string, options: LoadOptions, text?: string): Promise<Inspection> {
  const source = { ...sourceOf(file, options), ...(text === undefined ? {} : { text }) };
  const tree = await readMap(source, "the file");
  const kind = tree && kindOf(tree);
  const read = tree === undefined ? {} : await readAs(kind, tree, source);
  const { faults } = source;
  return {
    policies: [],
    written: [],
    openRoutes: new Set(),
    certificates: [],
    certificateFiles: [],
    ...read,
    kind,
    errors: faults.errors(),
    warnings: faults.warnings(),
  };
}

const DOCUMENT_KEYS: ReadonlySet<string> = new Set(["allow", "deny", "compat", "paths"]);
const CONFIGURATION_KEYS: ReadonlySet<string> = new Set([
  ...Object.keys(configSchema.properties ?? {}),
  // Older KES: see `older.ts`.
  ...["root", "fs", "vault", "kms"],
]);

function kindOf(tree: MapNode): Inspection["kind"] {
  const keys = [...tree.entries.keys()].filter((key) => !key.startsWith("x-"));
  const isConfiguration = keys.some((key) => CONFIGURATION_KEYS.has(key));
  if (!isConfiguration) return keys.some((key) => DOCUMENT_KEYS.has(key)) ? "document" : undefined;
  return keys.every((key) => key === "policy" || key === "version") ? "policies" : "configuration";
}

async function readAs(kind: Inspection["kind"], tree: MapNode, source: Source): Promise<Partial<Inspection>> {
  if (kind === "configuration")
    return ofConfiguration(await resolveTree(modernize(tree, source.faults), source));
  if (kind === "policies") return readPolicies(modernize(tree, source.faults), source);
  if (kind === "document") return readDocument(tree, source);
  const message =
    "this is neither a policy (with 'allow' and 'deny') nor a configuration (with 'policy', 'admin', 'tls', 'keystore')";
  source.faults.error(tree.place, "", message);
  return {};
}

function ofConfiguration({
  admin,
  tls,
  tlsScope,
  policies,
  written,
  api,
  certificates,
}: ReadTree): Partial<Inspection> {
  const certificateFiles: CertificateFile[] = [];
  const add = (key: string, file: string | undefined): void => {
    const at = tlsScope.at(key);
    if (at.written && file !== undefined)
      certificateFiles.push({ use: `tls.${key}`, file, place: at.placed.place });
  };
  add("cert", tls.certFile);
  // Of no use, and never read, while clients are not verified.
  if (tls.verifyClients) add("ca", tls.caPath);
  return {
    policies,
    written,
    ...(admin?.identity === undefined ? {} : { admin: admin.identity }),
    openRoutes: new Set([...api].filter(([, { skipAuth }]) => skipAuth).map(([path]) => path)),
    certificates,
    certificateFiles,
  };
}

const policiesSchema = section(
  {
    version: optionalText({ env: false, description: "Version of the file's format: v1." }),
    policy: policySchema,
  },
  "Policies alone, to be put into a configuration.",
);

async function readPolicies(tree: MapNode, { context, faults }: Source): Promise<Partial<Inspection>> {
  const decoded = decode(tree, policiesSchema, { env: context.env, faults });
  const { value, scope } = validate(decoded, policiesSchema, { faults });
  const reader = new IdentityReader(context);
  const read = await resolvePolicies(value.policy, scope.at("policy"), context, reader);
  crossCheck(reader.uses, faults);
  return { ...read, certificates: reader.certificates };
}

function readDocument(tree: MapNode, { file, context, faults }: Source): Partial<Inspection> {
  const { policy, source } = resolveDocument(tree, faults, context);
  const base = basename(file).replace(/\.[^.]*$/, "");
  const name = policyName(base.replace(/[^0-9A-Za-z_-]/g, "_")) ?? policyName("policy");
  return {
    policies: name === undefined ? [] : [{ name, policy, identities: [] }],
    written: [{ name: base, place: tree.place, source }],
  };
}
