/** How the server's knowledge of an identity is shown. */
import type { IdentityInfo, SelfInfo } from "../../client/types.js";
import { formatDate } from "../remote/print.js";
import type { Style } from "../style.js";
import { printable } from "../terminal/text.js";

const LABEL_COLUMNS = 11;

/** Of {@link SelfInfo} with the policy's rules: they end a line each. Lines as KES has them (reference §14.3). */
export function identityText(style: Style, info: IdentityInfo | SelfInfo): string {
  const rows: readonly (readonly [label: string, value: string | undefined])[] = [
    ["Identity", info.identity],
    ["Created At", formatDate(info.createdAt)],
    ["Role", info.isAdmin ? "Admin" : "User"],
    ["Created By", info.createdBy],
    ["Policy", info.policy],
  ];
  const lines = rows
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([label, value = ""]) => `${style.bold(label.padEnd(LABEL_COLUMNS))} ${printable(value)}`);
  if ("allow" in info) lines.push(...rules(style, "Allow", info.allow), ...rules(style, "Deny", info.deny));
  return `${lines.join("\n")}\n`;
}

/** As a server tells it (reference §3.21): rules are members of an object. */
export function jsonOf(info: IdentityInfo | SelfInfo): object {
  const members = (patterns: readonly string[]): object =>
    Object.fromEntries(patterns.map((pattern) => [pattern, {}]));
  return {
    identity: info.identity,
    admin: info.isAdmin,
    ...(info.policy === undefined ? {} : { policy: info.policy }),
    ...("allow" in info && info.policy !== undefined
      ? { allow: members(info.allow), deny: members(info.deny) }
      : {}),
    created_at: info.createdAt,
    created_by: info.createdBy,
  };
}

function rules(style: Style, heading: string, patterns: readonly string[]): string[] {
  if (patterns.length === 0) return [];
  return ["", style.bold(`${heading}:`), ...patterns.map((pattern) => `  · ${printable(pattern)}`)];
}
