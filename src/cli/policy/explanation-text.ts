/** Explanations for people and for programs. */
import type { Rule } from "../../policy/policy.js";
import type { Change, DecidingRule, Explanation, Reason } from "../../server/explanation.js";
import type { Style } from "../style.js";
import { printable } from "../terminal/text.js";
import type { Asker } from "./rulebook.js";

const LABEL_COLUMNS = 9;

/** The verdict first, then who, why, and what would change it; ends with a line end. */
export function explanationText(explanation: Explanation, asker: Asker, style: Style): string {
  const { verdict, path, policy, changes, argumentFault, isRedirected } = explanation;
  const colour = { allowed: style.green, denied: style.red, none: style.yellow }[verdict];
  const head = verdict === "none" ? "no such request" : verdict;
  const rows: [label: string, lines: readonly string[]][] = [
    ["identity", [asker.isAnyone ? "whoever has this policy" : asker.identity]],
    ["policy", policy === undefined ? [] : [policy]],
    ["because", becauseOf(explanation)],
    [verdict === "allowed" ? "to deny" : "to allow", changes.flatMap((change) => changeText(change, policy))],
    ["note", isRedirected ? ["the server redirects the request to this path"] : []],
    ["note", argumentFault === undefined ? [] : [`then refused all the same: ${argumentFault}`]],
  ];
  const body = rows.flatMap(([label, lines]) =>
    lines.map((line, index) => `  ${(index === 0 ? label : "").padEnd(LABEL_COLUMNS)} ${printable(line)}`),
  );
  return [`${colour(head)}: ${printable(path)}`, ...body, ""].join("\n");
}

const REASONS: Readonly<Record<Exclude<Reason, "allow-rule" | "deny-rule">, string>> = {
  admin: "it is the admin, whom no policy holds back",
  "open-route": "every client may call this route, whatever its policy",
  "skip-auth": "the configuration opens this route to everybody",
  "no-rule": "no allow rule of the policy matches",
  "no-policy": "the identity is in no policy",
  "no-route": "the API has no such path: 404 for everybody",
  "removed-route": "this part of the API was removed: 501 for everybody",
  "invalid-path": "this is no valid path of a request: 400 for everybody",
};

function becauseOf({ reason, rules, path, alsoNeeds }: Explanation): readonly string[] {
  if (reason === "allow-rule" || reason === "deny-rule") return rules.map((rule) => ruleText(rule, path));
  if (reason !== "no-rule" || alsoNeeds === undefined) return [REASONS[reason]];
  return [REASONS[reason], `(rules for ${alsoNeeds} count for this route, too)`];
}

function ruleText({ effect, rule, path }: DecidingRule, asked: string): string {
  return `${effect} '${rule.pattern}'${path === asked ? "" : ` matches ${path}`}${placeText(rule)}`;
}

function placeText({ place }: Rule): string {
  return place === undefined ? "" : ` (${place.file}:${place.line})`;
}

/** What would turn a verdict round, in words. */
export function changeText(change: Change, policy: string | undefined): readonly string[] {
  switch (change.action) {
    case "add":
      return [
        `add '${change.pattern}' to '${change.list}'${policy === undefined ? "" : ` of policy '${policy}'`}`,
      ];
    case "remove":
      return [`remove ${change.list} '${change.rule.pattern}'${placeText(change.rule)}`];
    case "close":
      return [`remove 'skip_auth' from '${change.route}' in section 'api'`];
    case "assign":
      return [
        change.policies.length === 0
          ? "add it to 'identities' of a policy that allows this path"
          : `add it to 'identities' of a policy: ${change.policies.join(", ")}`,
      ];
  }
}

/** Members in a fixed order; what is not known is left out. */
export function explanationJson(explanation: Explanation, asker: Asker): object {
  const { verdict, reason, path, route, policy, rules, changes, argumentFault } = explanation;
  return {
    verdict,
    reason,
    path,
    route,
    identity: asker.isAnyone ? undefined : asker.identity,
    policy,
    rules: rules.map(({ effect, rule, path: at }) => ({ effect, ...ruleJson(rule), path: at })),
    changes: changes.map((change) => {
      if (change.action !== "remove") return change;
      return { action: change.action, list: change.list, ...ruleJson(change.rule) };
    }),
    argument_fault: argumentFault,
  };
}

function ruleJson({ pattern, place }: Rule): object {
  return { pattern, file: place?.file, line: place?.line };
}
