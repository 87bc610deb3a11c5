/**
 * Looks at a policy as a whole for what is allowed by its form but hardly meant: rules without effect, rules that
 * say more than MinIO needs. Never says that a rule has no effect when some request could show one.
 */
import type { PatternSource, PolicySource } from "./documents.js";
import { type ArgumentPattern, type Budget, covers, meets } from "./language.js";
import { UNUSED_BY_MINIO, USUAL_FOR_MINIO } from "./minio.js";
import type { PolicyApi, PolicyRoute } from "./route-space.js";
import { meaningChange, type RuleView, routesOf, viewRules } from "./rule-view.js";

/** What kind of finding it is; stable, for programs. */
export type ReviewRule =
  | "allows-nothing"
  | "shadowed-by-deny"
  | "needs-other-rule"
  | "cannot-deny"
  | "repeated"
  | "wider-than-minio"
  | "meaning-changed"
  | "not-compared";

export interface ReviewFinding {
  readonly rule: ReviewRule;
  /** A note asks for nothing. */
  readonly severity: "warning" | "note";
  readonly message: string;
  /** The very pattern that was given; absent when it is about the policy. */
  readonly source?: PatternSource;
}

/** What is to be said of `policy`; patterns that can never match are left to `lint.ts`. In the order of the rules. */
export function reviewPolicy(
  policy: PolicySource & { readonly name: string },
  api: PolicyApi,
): readonly ReviewFinding[] {
  const review = new Review(policy, api);
  return review.findings();
}

/** For all comparisons of a policy: about a second. What is not found out then is not claimed. */
const MAX_STEPS = 2_000_000;
/** The work grows with the square of the number of rules. */
const MAX_COMPARED = 2000;

class Review {
  readonly #policy: PolicySource & { readonly name: string };
  readonly #routes: readonly PolicyRoute[];
  readonly #allow: readonly RuleView[];
  readonly #deny: readonly RuleView[];
  readonly #budget: Budget = { steps: MAX_STEPS };

  constructor(policy: PolicySource & { readonly name: string }, api: PolicyApi) {
    this.#policy = policy;
    this.#routes = api.routes;
    this.#allow = viewRules(policy.allow, policy.meaning, api);
    this.#deny = viewRules(policy.deny, policy.meaning, api);
  }

  findings(): readonly ReviewFinding[] {
    const findings: ReviewFinding[] = [];
    if (this.#policy.allow.length === 0) {
      const message = "the policy has no allow rule, so it refuses everything";
      findings.push({ rule: "allows-nothing", severity: "warning", message });
    }
    if (this.#allow.length + this.#deny.length > MAX_COMPARED) {
      const message = `the policy has more than ${MAX_COMPARED} rules; they are not compared with each other`;
      return [...findings, { rule: "not-compared", severity: "note", message }];
    }
    // Whoever narrows a rule needs those that it covers today.
    const lasting = this.#allow.filter((rule) => this.#wide(rule) === undefined);
    for (const rule of this.#allow) {
      const idle = this.#shadowed(rule) ?? this.#lone(rule);
      findings.push(...present(idle ?? this.#repeated(rule, lasting)));
      if (idle === undefined) findings.push(...present(this.#wide(rule), this.#changed(rule)));
    }
    for (const rule of this.#deny) {
      findings.push(...present(this.#cannotDeny(rule) ?? this.#repeated(rule, this.#deny)));
    }
    return findings;
  }

  /** Routes that an allow rule may open, each with what it says of the arguments. */
  #opened(rule: RuleView): readonly (readonly [PolicyRoute, ArgumentPattern])[] {
    return this.#routes
      .filter((route) => route.open !== true)
      .flatMap((route) => {
        const other = route.guardedBy?.mode === "either" ? this.#guard(route) : undefined;
        const pattern = rule.at.get(route) ?? (other && rule.at.get(other));
        return pattern === undefined ? [] : [[route, pattern] as const];
      });
  }

  #guard(route: PolicyRoute): PolicyRoute | undefined {
    return this.#routes.find(({ path }) => path === route.guardedBy?.path);
  }

  /** What the deny rules say of the arguments of `route`, those of the route that guards it included. */
  #denied(route: PolicyRoute, rules = this.#deny): readonly ArgumentPattern[] {
    const guard = this.#guard(route);
    return rules.flatMap((rule) => present(rule.at.get(route), guard && rule.at.get(guard)));
  }

  #isRefused(route: PolicyRoute, pattern: ArgumentPattern, rules = this.#deny): boolean {
    return covers(route, pattern, this.#denied(route, rules), this.#budget);
  }

  #shadowed(rule: RuleView): ReviewFinding | undefined {
    const opened = this.#opened(rule);
    const isShadowed = (by: readonly RuleView[]): boolean =>
      opened.every(([route, pattern]) => this.#isRefused(route, pattern, by));
    if (opened.length === 0 || !isShadowed(this.#deny)) return undefined;
    const one = this.#deny.find((deny) => isShadowed([deny]));
    const by =
      one === undefined ? "the deny rules refuse" : `deny '${one.source.pattern}'${lineOf(one)} refuses`;
    return warning("shadowed-by-deny", rule, `allow '${rule.source.pattern}' has no effect: ${by} all of it`);
  }

  /** Of routes that two rules must allow, one alone. */
  #lone(rule: RuleView): ReviewFinding | undefined {
    const opened = this.#opened(rule);
    const lacking = opened.flatMap(([route, pattern]) => {
      const guard = route.guardedBy?.mode === "both" ? this.#guard(route) : undefined;
      if (guard === undefined) return [];
      const others = this.#allow.flatMap((other) => present(other.at.get(guard)));
      return others.some((other) => meets(route, pattern, other, this.#budget)) ? [] : [guard.path];
    });
    if (lacking.length === 0 || lacking.length < opened.length) return undefined;
    const message = `allow '${rule.source.pattern}' has no effect without a rule that allows the same for`;
    return warning("needs-other-rule", rule, `${message} ${listed(lacking)}`);
  }

  #cannotDeny(rule: RuleView): ReviewFinding | undefined {
    const routes = routesOf(rule);
    if (routes.length === 0 || routes.some((route) => route.open !== true || this.#guards(route)))
      return undefined;
    const paths = listed(routes.map(({ path }) => path));
    const message = `deny '${rule.source.pattern}' has no effect: ${paths} asks no policy`;
    return warning("cannot-deny", rule, message);
  }

  #guards(route: PolicyRoute): boolean {
    return this.#routes.some((other) => other.guardedBy?.path === route.path);
  }

  /** Says of the later of two equal rules, and of the narrower of two others, that it adds nothing. */
  #repeated(rule: RuleView, rules: readonly RuleView[]): ReviewFinding | undefined {
    const index = rules.indexOf(rule);
    const other = rules.find(
      (one, at) => at !== index && this.#includes(one, rule) && (at < index || !this.#includes(rule, one)),
    );
    if (other === undefined) return undefined;
    const { pattern } = rule.source;
    const message =
      other.source.pattern === pattern
        ? `'${pattern}' stands in the list already${lineOf(other)}`
        : `'${pattern}' adds nothing to '${other.source.pattern}'${lineOf(other)}`;
    return { rule: "repeated", severity: "note", message, source: rule.source };
  }

  #includes(wide: RuleView, narrow: RuleView): boolean {
    return routesOf(narrow).every((route) => {
      const [one, other] = [wide.at.get(route), narrow.at.get(route)];
      return one !== undefined && other !== undefined && covers(route, other, [one], this.#budget);
    });
  }

  #wide(rule: RuleView): ReviewFinding | undefined {
    const opened = this.#opened(rule).filter(([route, pattern]) => !this.#isRefused(route, pattern));
    const unused = opened.map(([{ path }]) => path).filter((path) => UNUSED_BY_MINIO.has(path));
    const usual = USUAL_FOR_MINIO.filter((path) => opened.some(([route]) => route.path === path));
    // A rule for one route says what it is for. One for many is wide by accident, unless nothing of it is MinIO's.
    const isForMinio = /minio/i.test(this.#policy.name);
    if (unused.length === 0 || (usual.length === 0 && !isForMinio)) return undefined;
    const { pattern } = rule.source;
    const instead = usual.map((path) => this.#narrowed(pattern, path));
    const remedy = instead.length === 0 ? "remove it" : `write ${instead.join(", ")} instead`;
    const message = `allow '${pattern}' is wider than MinIO needs: no MinIO calls ${listed(unused)}; ${remedy}`;
    return warning("wider-than-minio", rule, message);
  }

  /** `pattern` for the route at `path` alone. */
  #narrowed(pattern: string, path: string): string {
    if (!path.endsWith("/")) return path;
    if (this.#policy.meaning === "globs") return path + pattern.slice(pattern.lastIndexOf("/") + 1);
    return pattern.startsWith(path) ? pattern : `${path}*`;
  }

  #changed(rule: RuleView): ReviewFinding | undefined {
    if (this.#policy.meaning === "globs") return undefined;
    const then = meaningChange(rule, this.#routes);
    if (then === undefined) return undefined;
    const before = then.length === 0 ? "it matched nothing" : `it matched only ${listed(then)}`;
    const { pattern } = rule.source;
    const message = `before October 2023 '*' ended at the next '/': '${pattern}' is wider today, then ${before}`;
    return { rule: "meaning-changed", severity: "note", message, source: rule.source };
  }
}

function warning(rule: ReviewRule, { source }: RuleView, message: string): ReviewFinding {
  return { rule, severity: "warning", message, source };
}

function lineOf({ source }: RuleView): string {
  return source.place === undefined ? "" : ` (line ${source.place.line})`;
}

function present<T>(...values: readonly (T | undefined)[]): T[] {
  return values.filter((value) => value !== undefined);
}

const MAX_LISTED = 4;

function listed(paths: readonly string[]): string {
  const unique = [...new Set(paths)];
  if (unique.length > MAX_LISTED) return `${unique.slice(0, MAX_LISTED).join(", ")}, …`;
  return unique.length < 2 ? unique.join("") : `${unique.slice(0, -1).join(", ")} and ${unique.at(-1)}`;
}
