/** `admin`: the one identity that no policy holds back. */
import { policyName } from "../../names.js";
import type { Config } from "../config.js";
import type { IdentityReader } from "../identities.js";
import { requiredText, section, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";

export const adminSchema = section(
  {
    identity: requiredText({
      description:
        "The identity that may do everything: 64 hex digits, or the path of a certificate file. " +
        "Any other text, 'disabled' by custom, switches the admin off.",
      missing: "kesconf: invalid admin identity: no admin identity",
    }),
  },
  "Who may do everything.",
);

export async function resolveAdmin(
  value: ValueOf<typeof adminSchema>,
  scope: Scope,
  reader: IdentityReader,
): Promise<Config["admin"] | undefined> {
  const at = scope.at("identity");
  if (!at.ok) return undefined;
  const read = await reader.read(value.identity, at, "admin");
  if (read === undefined) return undefined;
  if (read.kind === "identity") return { identity: read.identity, text: read.identity };
  if (read.mistyped) {
    at.warn(
      `looks like an identity but is not 64 hex digits (${value.identity.length}); the admin is switched off`,
    );
  } else if (policyName(value.identity) === undefined && value.identity !== "_") {
    at.warn("is no identity; the admin is switched off. Write 'disabled' if that is meant");
  }
  return { text: at.shown(value.identity) };
}
