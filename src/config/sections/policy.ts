/** `policy`: who may call what. Rules stand inline, or in a document of their own. */
import { dirname, isAbsolute, relative, resolve } from "node:path";
import { type Identity, isName, policyName } from "../../names.js";
import { compilePolicy, type PatternSource, type PolicySource } from "../../policy/documents.js";
import type { Policy } from "../../policy/policy.js";
import type { PolicyConfig } from "../config.js";
import type { LoadContext } from "../context.js";
import { decode } from "../decode.js";
import type { Faults, Place } from "../faults.js";
import type { IdentityReader } from "../identities.js";
import { list, named, optionalText, section, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";
import { readTextFile, TextFileError } from "../text-file.js";
import type { TreeNode } from "../tree.js";
import { validate } from "../validate.js";
import { parseYaml } from "../yaml.js";

const rules = {
  allow: list(
    optionalText({ env: false, description: "A pattern." }),
    "Patterns of paths that may be called, unless a deny pattern matches. '*' at the end stands for any rest.",
  ),
  deny: list(
    optionalText({ env: false, description: "A pattern." }),
    "Patterns of paths that may not be called, whatever allow says.",
  ),
  compat: optionalText({
    env: false,
    enum: ["globs"],
    description:
      "globs: patterns mean what they did before October 2023: '*' within a segment, '?', '[a-z]'.",
  }),
};

/** A policy document: `policies/minio.yml`. */
export const policyDocumentSchema = section(rules, "A policy.");

export const policySchema = named(
  section(
    {
      ...rules,
      file: optionalText({
        description:
          "A policy document with allow, deny and compat instead of those here. Looked for beside this file, " +
          "then in the working directory.",
      }),
      identities: list(
        optionalText({ description: "An identity." }),
        "Whom the policy holds for: 64 hex digits, or the path of a certificate file.",
      ),
    },
    "A policy, by its name.",
  ),
  "Who may call what.",
);

/** A policy as it stands in the file, to be looked at as a whole; also when something else in it is at fault. */
export interface WrittenPolicy {
  readonly name: string;
  readonly place: Place;
  readonly source: PolicySource;
  /** Identities as listed, whatever they are worth; undefined for a document, which has none. */
  readonly holders?: number;
}

type PolicyValue = ValueOf<typeof policySchema>[string];
type RulesValue = ValueOf<typeof policyDocumentSchema>;

export async function resolvePolicies(
  value: ValueOf<typeof policySchema>,
  scope: Scope,
  context: LoadContext,
  reader: IdentityReader,
): Promise<{ readonly policies: readonly PolicyConfig[]; readonly written: readonly WrittenPolicy[] }> {
  const policies: PolicyConfig[] = [];
  const written: WrittenPolicy[] = [];
  for (const [text, source] of Object.entries(value)) {
    const at = scope.at(text);
    const name = policyName(text);
    if (name === undefined) {
      at.errorOfKey(`kes: policy name '${text}' is empty, too long or contains invalid characters`);
    }
    const rules = await resolveRules(source, at, context);
    const identities = await resolveIdentities(source, at, `policy.${text}`, reader);
    if (rules === undefined) continue;
    const place = at.placed.keyPlace ?? at.placed.place;
    written.push({ name: text, place, source: rules.source, holders: source.identities.length });
    if (name !== undefined) policies.push({ name, policy: rules.policy, identities });
  }
  return { policies, written };
}

/** The rules of a policy, compiled and as written. */
interface ReadRules {
  readonly policy: Policy;
  readonly source: PolicySource;
}

async function resolveRules(
  source: PolicyValue,
  at: Scope,
  context: LoadContext,
): Promise<ReadRules | undefined> {
  if (source.file === undefined) return compile(source, at, context);
  for (const key of ["allow", "deny", "compat"]) {
    const inline = at.at(key);
    if (inline.written) inline.errorOfKey(`'${key}' stands beside 'file'; write it in the document`);
  }
  const fileAt = at.at("file");
  const document = await readDocument(source.file, fileAt, context);
  if (document === undefined) return undefined;
  const tree = parseYaml(document.text, document.shown, at.faults);
  return tree && resolveDocument(tree, at.faults, context);
}

/** The rules of a parsed policy document. */
export function resolveDocument(tree: TreeNode, faults: Faults, context: LoadContext): ReadRules {
  const decoded = decode(tree, policyDocumentSchema, { env: context.env, faults });
  const { value, scope } = validate(decoded, policyDocumentSchema, { faults });
  return compile(value, scope, context);
}

async function readDocument(
  path: string,
  at: Scope,
  context: LoadContext,
): Promise<{ readonly text: string; readonly shown: string } | undefined> {
  const candidates = [resolve(context.folder, path)];
  // A path that says where it starts is not looked for elsewhere.
  if (!isAbsolute(path) && !path.startsWith(".")) candidates.push(resolve(context.cwd, path));
  const tried = [...new Set(candidates)].map((file) => ({ file, shown: shownPath(file, context.cwd) }));
  for (const { file, shown } of tried) {
    try {
      return { text: await readTextFile(file), shown };
    } catch (error) {
      if (!(error instanceof TextFileError)) throw error;
      if (error.missing) continue;
      at.error(`cannot read the policy document '${at.shown(shown)}': ${error.message}`);
      return undefined;
    }
  }
  const places = new Set(tried.map(({ shown }) => `'${at.shown(shown)}'`));
  at.error(`no such policy document; looked for ${[...places].join(" and ")}`);
  return undefined;
}

function shownPath(file: string, cwd: string): string {
  const short = relative(cwd, file);
  return short.startsWith("..") || isAbsolute(short) || dirname(file) === "/" ? file : short;
}

function compile(source: RulesValue, scope: Scope, context: LoadContext): ReadRules {
  const scopes = new Map<PatternSource, Scope>();
  const patterns = (key: "allow" | "deny"): readonly PatternSource[] =>
    source[key].flatMap((pattern, index) => {
      const at = scope.at(key, index);
      if (!at.ok) return [];
      const one: PatternSource = { pattern, place: at.placed.place };
      scopes.set(one, at);
      return [one];
    });
  const meaning = source.compat === "globs" ? "globs" : "current";
  const written: PolicySource = { allow: patterns("allow"), deny: patterns("deny"), meaning };
  const { policy, findings } = compilePolicy(written, context);
  for (const { severity, source: one, message } of findings) {
    if (severity === "error") scopes.get(one)?.error(message, "dead-pattern");
    else scopes.get(one)?.warn(message, "removed-api");
  }
  return { policy, source: written };
}

async function resolveIdentities(
  source: PolicyValue,
  policy: Scope,
  use: string,
  reader: IdentityReader,
): Promise<readonly Identity[]> {
  const identities = new Set<Identity>();
  for (const [index, text] of source.identities.entries()) {
    const at = policy.at("identities", index);
    const read = at.ok ? await reader.read(text, at, use) : undefined;
    if (read?.kind === "identity") {
      if (identities.has(read.identity)) at.warn("stands in this list twice", "repeated");
      identities.add(read.identity);
    } else if (read?.kind === "text") reportText(text, read.mistyped, at);
  }
  return [...identities];
}

const NO_IDENTITY = "no-identity";

/** KES takes any text that could be a name. It can never match, so it is left out; a slip is an error. */
function reportText(text: string, mistyped: boolean, at: Scope): void {
  const shown = at.shown(text);
  if (!isName(text)) {
    at.error(`kes: identity '${shown}' is empty, too long or contains invalid characters`, NO_IDENTITY);
  } else if (mistyped) {
    at.error(
      `identity '${shown}' is not 64 hex digits (${text.length}), so it matches no certificate`,
      NO_IDENTITY,
    );
  } else {
    at.warn(`'${shown}' is no identity and matches no certificate; it is left out`, NO_IDENTITY);
  }
}
