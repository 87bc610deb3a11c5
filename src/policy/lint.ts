/**
 * Finds patterns that can never match a request. A rule that is silently dead is worse than one that is missing:
 * whoever wrote a deny rule relies on it.
 */
import { closest, distance } from "fastest-levenshtein";
import { MAX_NAME_BYTES } from "../names.js";
import { GlobError, parseGlob } from "./glob.js";
import { compilePattern, MAX_PATTERN_LENGTH, type PatternMeaning } from "./pattern.js";
import { type PolicyApi, type PolicyRoute, servesGlob, servesPath, servesPrefix } from "./route-space.js";

/** What is wrong with a pattern. A warning leaves the rule in force: it is harmless, but has no use. */
export interface PatternFinding {
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** Operations of the key API that stood directly under `/v1/` until 2020. */
const OLD_OPERATIONS = /^\/v1\/(create|import|generate|encrypt|decrypt|delete|list|describe|hmac)(?=\/|\*|$)/;

/** Why `pattern` can never match a path that the API serves, or undefined when it can. */
export function lintPattern(
  pattern: string,
  meaning: PatternMeaning,
  { routes, removedPaths }: PolicyApi,
): PatternFinding | undefined {
  const error = (message: string): PatternFinding => ({ severity: "error", message });
  if (pattern === "") return error("an empty pattern never matches; remove it");
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return error(`a pattern of more than ${MAX_PATTERN_LENGTH} characters can never match`);
  }
  try {
    if (canMatch(pattern, meaning, routes)) return undefined;
  } catch (cause) {
    if (!(cause instanceof GlobError)) throw cause;
    return error(`pattern '${pattern}' ${cause.message}, so it can never match`);
  }
  if (removedPaths.some((path) => `${pattern}/`.startsWith(path))) {
    const message = `'${pattern}': this part of the API was removed and answers 501; remove the rule`;
    return { severity: "warning", message };
  }
  return error(`pattern '${pattern}' can never match: ${reason(pattern, meaning, routes)}`);
}

function canMatch(pattern: string, meaning: PatternMeaning, routes: readonly PolicyRoute[]): boolean {
  if (meaning === "globs") {
    const { tokens = [] } = compilePattern(pattern, meaning);
    return routes.some((route) => servesGlob(route, tokens));
  }
  if (pattern.endsWith("*")) return routes.some((route) => servesPrefix(route, pattern.slice(0, -1)));
  return routes.some((route) => servesPath(route, pattern));
}

function reason(pattern: string, meaning: PatternMeaning, routes: readonly PolicyRoute[]): string {
  if (pattern.trim().startsWith("${")) return "environment variables are not looked up in patterns";
  const body = pattern.endsWith("*") ? pattern.slice(0, -1) : pattern;
  const wildcard = /[*?[\\]/.exec(body)?.[0];
  if (meaning === "current" && wildcard !== undefined) return wildcardReason(pattern, wildcard, routes);

  const meant = suggestions(pattern, routes).find((one) => one !== pattern && canMatch(one, meaning, routes));
  const route = routes.find((one) => one.argument !== "none" && body.startsWith(one.path));
  if (route !== undefined && body.length > route.path.length) {
    const argument = body.slice(route.path.length);
    const rule = `1 to ${MAX_NAME_BYTES} of 0-9 A-Z a-z _ -, '-' neither first nor last`;
    return `'${argument}' is no valid name (${rule})`;
  }
  if (route !== undefined) return `it names nothing after '${route.path}'${meantText(meant)}`;
  if (meant !== undefined && OLD_OPERATIONS.test(pattern)) {
    return `paths of keys had no '/key' in KES and MinIO's documents until 2020; today it is '${meant}'`;
  }
  return `the API has no such path${meantText(meant)}`;
}

function meantText(meant: string | undefined): string {
  return meant === undefined ? "" : `; did you mean '${meant}'?`;
}

function wildcardReason(pattern: string, wildcard: string, routes: readonly PolicyRoute[]): string {
  const once = pattern.replace(/\*+$/, "*");
  if (once !== pattern && canMatch(once, "current", routes)) return `one '*' is enough; write '${once}'`;
  const plain = `'${wildcard}' is an ordinary character here, only a '*' at the very end is special`;
  let covered: readonly PolicyRoute[] = [];
  try {
    const tokens = parseGlob(pattern);
    covered = routes.filter((route) => servesGlob(route, tokens));
  } catch (cause) {
    if (!(cause instanceof GlobError)) throw cause;
  }
  if (covered.length === 0) return plain;
  const some = covered.slice(0, 4).map((route) => route.path);
  const shown = covered.length > some.length ? `${some.join(", ")}, …` : some.join(", ");
  return (
    `${plain}. Write one rule for each path (in the older meaning it covers ${shown}), ` +
    "or add 'compat: globs' to the policy for the meaning before October 2023"
  );
}

/** What `pattern` may have been meant to be, the likeliest first. */
function suggestions(pattern: string, routes: readonly PolicyRoute[]): readonly string[] {
  const rooted = pattern.startsWith("/") ? pattern : `/${pattern}`;
  const paths = routes.map((route) => route.path);
  const segments = rooted.split("/");
  const forms = [rooted, rooted.replace(OLD_OPERATIONS, "/v1/key/$1")];
  // A mistyped route, its argument kept: compared by as many segments as routes with arguments have.
  for (const depth of [5, 4]) {
    const near = nearPath(`${segments.slice(0, depth).join("/")}/`, paths);
    const rest = segments.slice(depth).join("/");
    if (near?.split("/").length === depth + 1) forms.push(near + rest);
  }
  const whole = nearPath(rooted.replace(/\*$/, ""), paths);
  if (whole !== undefined) forms.push(whole);
  return forms.flatMap((form) => {
    const bare = form.replace(/\/?\*?$/, "");
    return [form, form.endsWith("/") ? `${form}*` : `${form}/*`, bare, form.toLowerCase()];
  });
}

/** The path of `paths` that differs from `path` by a slip or two, or undefined. */
function nearPath(path: string, paths: readonly string[]): string | undefined {
  const folded = path.toLowerCase();
  const near = paths.length === 0 ? undefined : closest(folded, paths);
  return near !== undefined && distance(folded, near) <= Math.max(2, near.length / 5) ? near : undefined;
}
