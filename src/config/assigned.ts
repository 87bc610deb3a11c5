/** Each identity has one role: admin, proxy, or one policy (KES reference §6.1). */
import type { Identity } from "../names.js";
import type { Faults } from "./faults.js";
import type { Placed } from "./scope.js";

/** An identity, what it is used for and where that is written. */
export interface IdentityUse {
  readonly identity: Identity;
  /** `admin`, `tls.proxy`, or `policy.<name>`. */
  readonly use: string;
  readonly placed: Placed;
}

const ADMIN = "admin";
const PROXY = "tls.proxy";

/** Reports identities with two roles, with both places. `uses` come in the order admin, proxies, policies. */
export function crossCheck(uses: readonly IdentityUse[], faults: Faults): void {
  const first = new Map<Identity, IdentityUse>();
  for (const one of uses) {
    const earlier = first.get(one.identity);
    if (earlier === undefined) {
      first.set(one.identity, one);
    } else if (earlier.use !== one.use) {
      const { file, line } = earlier.placed.place;
      const where = `; it stands at ${file}:${line} (${earlier.placed.path})`;
      const rule = earlier.use === ADMIN ? "identity-is-admin" : "identity-twice";
      faults.error(one.placed.place, one.placed.path, conflict(earlier, one) + where, rule);
    }
  }
}

function conflict(earlier: IdentityUse, { identity, use }: IdentityUse): string {
  const policy = use.slice("policy.".length);
  if (use === PROXY) return `kesconf: invalid tls proxy: identity '${identity}' is already admin`;
  if (earlier.use === ADMIN)
    return `kesconf: invalid policy '${policy}': identity '${identity}' is already admin`;
  if (earlier.use === PROXY) {
    return `kesconf: invalid policy '${policy}': identity '${identity}' is already a TLS proxy`;
  }
  return `kes: cannot assign policy '${policy}' to '${identity}': identity already has a policy`;
}
