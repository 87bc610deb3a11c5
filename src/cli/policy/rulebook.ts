/** Who may do what, from a file or from a running server. */
import type { SelfInfo } from "../../client/types.js";
import type { Inspection } from "../../config/inspect.js";
import { ConfigError, type ErrorCode, isKesError, UsageError } from "../../errors.js";
import { type Identity, type PolicyName, policyName, identity as toIdentity } from "../../names.js";
import { Directory, type NamedPolicy } from "../../policy/directory.js";
import { GlobError } from "../../policy/glob.js";
import { compilePattern, type PatternMeaning } from "../../policy/pattern.js";
import type { Rule } from "../../policy/policy.js";
import { type Explanation, explainRequest, type Rulebook } from "../../server/explanation.js";
import { type CommandContext, CommandError } from "../command.js";
import type { Remote } from "../remote/connect.js";
import { readPolicyFile } from "./read-file.js";

/** Whom an explanation is about. */
export interface Asker {
  readonly identity: Identity;
  /** Nobody in particular: whoever has the policy of a document. */
  readonly isAnyone: boolean;
}

export interface AskedRulebook {
  readonly asker: Asker;
  readonly rulebook: Rulebook;
  /** What an explanation by this rulebook leaves open. */
  readonly notes: (explanation: Explanation) => readonly string[];
}

/**
 * By a configuration, a section `policy` or a document.
 * @throws ConfigError when the server would refuse the file
 */
export async function fileRulebook(
  file: string,
  identity: Identity | undefined,
  context: CommandContext,
): Promise<AskedRulebook> {
  const { inspection } = await readPolicyFile(file, context);
  if (inspection.errors.length > 0) throw new ConfigError(inspection.errors);
  const isAnyone = inspection.kind === "document" && identity === undefined;
  const asker = isAnyone ? anyone() : identity;
  if (asker === undefined) {
    throw new UsageError("no identity: give it with '--identity', since the file holds policies of several");
  }
  return {
    asker: { identity: asker, isAnyone },
    rulebook: {
      directory: directoryOf(inspection, asker),
      openRoutes: inspection.openRoutes,
      meaningOf: (name) => meaningIn(inspection, name),
    },
    notes: () => [],
  };
}

function anyone(): Identity {
  const zeros = toIdentity("0".repeat(64));
  if (zeros === undefined) throw new TypeError("64 zeros are an identity");
  return zeros;
}

function directoryOf({ kind, admin, policies }: Inspection, asker: Identity): Directory {
  return new Directory({
    admin,
    adminText: admin ?? "",
    // A document is explained for whoever has it.
    policies: kind === "document" ? policies.map((policy) => ({ ...policy, identities: [asker] })) : policies,
    createdAtMs: 0,
  });
}

function meaningIn({ kind, written }: Inspection, name: string): PatternMeaning {
  const found = kind === "document" ? written[0] : written.find((policy) => policy.name === name);
  return found?.source.meaning ?? "current";
}

/** What a server tells of an identity. */
type Known =
  | { readonly kind: "admin" }
  | { readonly kind: "none" }
  | {
      readonly kind: "policy";
      readonly name: PolicyName;
      readonly allow: readonly string[];
      readonly deny: readonly string[];
    };

/** By what a running server tells; of oneself it tells everybody. @throws CommandError when it does not tell */
export async function serverRulebook(
  remote: Remote,
  identity: Identity | undefined,
  path: string,
): Promise<AskedRulebook> {
  const self = await describeSelf(remote);
  // Known from here on: with certificate files, only the first call reads them.
  const own = toIdentity(remote.client.identity ?? "");
  const asker = identity ?? own;
  if (asker === undefined) throw new UsageError("no identity: give it with '--identity'");
  const known = asker === own ? await knownOfSelf(remote, asker, self) : await knownOf(remote, asker);
  const rulebookAs = (meaning: PatternMeaning): Rulebook => ({
    directory: directoryFrom(known, asker, meaning),
    openRoutes: new Set(),
    meaningOf: () => meaning,
  });
  const asGlobs = explainRequest(path, asker, rulebookAs("globs"));
  return {
    asker: { identity: asker, isAnyone: false },
    rulebook: rulebookAs("current"),
    notes: (explanation) => [
      ...(hasInnerWildcard(known) && asGlobs.verdict !== explanation.verdict
        ? [GLOBS_NOTE(asGlobs.verdict)]
        : []),
      ...(explanation.verdict === "denied" && SKIPPABLE.has(explanation.route ?? "") ? [SKIP_NOTE] : []),
    ],
  };
}

const GLOBS_NOTE = (verdict: string): string =>
  `the policy has patterns with a '*', '?' or '[' inside; with 'compat: globs', which the server does not tell, the verdict is: ${verdict}`;
const SKIP_NOTE =
  "the server's configuration may open this route to everybody (skip_auth), which the server does not tell";
const SKIPPABLE: ReadonlySet<string> = new Set([
  "/version",
  "/v1/ready",
  "/v1/status",
  "/v1/metrics",
  "/v1/api",
]);

function hasInnerWildcard(known: Known): boolean {
  return known.kind === "policy" && [...known.allow, ...known.deny].some((one) => /[*?[\\]./.test(one));
}

/** Undefined: the server knows nothing, or has no such call. */
function describeSelf({ client, signal, attempt }: Remote): Promise<SelfInfo | undefined> {
  return attempt({ what: "failed to describe yourself" }, () =>
    unless(["IDENTITY_NOT_FOUND", "PATH_NOT_FOUND"], () => client.describeSelf({ signal })),
  );
}

async function knownOfSelf(remote: Remote, identity: Identity, self: SelfInfo | undefined): Promise<Known> {
  // KES from 2023 on says so to everybody but the admin.
  if (self === undefined) return (await unlessForbidden(() => knownOf(remote, identity))) ?? { kind: "none" };
  if (self.isAdmin) return { kind: "admin" };
  const name = policyName(self.policy ?? "");
  return name === undefined ? { kind: "none" } : { kind: "policy", name, allow: self.allow, deny: self.deny };
}

async function knownOf({ client, signal, attempt }: Remote, identity: Identity): Promise<Known> {
  const about = {
    what: `failed to describe the identity ${identity}`,
    path: `/v1/identity/describe/${identity}`,
  };
  const info = await attempt(about, () =>
    unless(["IDENTITY_NOT_FOUND"], () => client.describeIdentity(identity, { signal })),
  );
  if (info?.isAdmin === true) return { kind: "admin" };
  const name = policyName(info?.policy ?? "");
  if (name === undefined) return { kind: "none" };
  const read = { what: `failed to read the policy "${name}"`, path: `/v1/policy/read/${name}` };
  const { allow, deny } = await attempt(read, () => client.readPolicy(name, { signal }));
  return { kind: "policy", name, allow, deny };
}

async function unless<T>(codes: readonly ErrorCode[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (isKesError(error, ...codes)) return undefined;
    throw error;
  }
}

async function unlessForbidden<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof CommandError && isKesError(error.cause, "NOT_AUTHORIZED")) return undefined;
    throw error;
  }
}

function directoryFrom(known: Known, identity: Identity, meaning: PatternMeaning): Directory {
  const policies: NamedPolicy[] = [];
  if (known.kind === "policy") {
    const rules = (patterns: readonly string[]): Rule[] => patterns.flatMap((one) => ruleOf(one, meaning));
    const policy = { allow: rules(known.allow), deny: rules(known.deny) };
    policies.push({ name: known.name, policy, identities: [identity] });
  }
  const admin = known.kind === "admin" ? identity : undefined;
  return new Directory({ admin, adminText: admin ?? "", policies, createdAtMs: 0 });
}

/** None for what is malformed in that meaning: such a pattern matches nothing. */
function ruleOf(pattern: string, meaning: PatternMeaning): readonly Rule[] {
  try {
    return [{ pattern, matches: compilePattern(pattern, meaning).matches }];
  } catch (error) {
    if (error instanceof GlobError) return [];
    throw error;
  }
}
