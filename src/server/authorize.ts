/** Decides whether a caller may use a route (KES reference §6). */
import type { Caller, Route } from "../api/route.js";
import { KesError } from "../errors.js";
import type { Directory } from "../policy/directory.js";
import { type CanonicalPath, type Policy, verdict } from "../policy/policy.js";
import type { Peer } from "./peer.js";

/** Who calls, as far as it is known; for routes that let everybody in. */
export function identify(peer: Peer, directory: Directory): Caller {
  const { identity } = peer;
  return { identity, admin: identity !== undefined && identity === directory.admin };
}

/**
 * The caller, if it may use `route` at `path`.
 *
 * @param argument - of the path, to hold the guarding route's rules against the same name
 * @throws KesError `CERTIFICATE_REQUIRED`, `CERTIFICATE_AMBIGUOUS`, `NOT_AUTHORIZED` (its cause is the reason)
 */
export function authorize(
  peer: Peer,
  route: Route,
  path: CanonicalPath,
  argument: string,
  directory: Directory,
): Caller {
  const { identity } = peer;
  if (identity === undefined) throw new KesError(peer.fault ?? "CERTIFICATE_REQUIRED");
  if (identity === directory.admin) return { identity, admin: true };
  const named = directory.policyOf(identity);
  if (named === undefined) throw refused("access denied: identity not found");
  if (!permits(named.policy, route, path, argument)) {
    throw refused(`access denied: rejected by policy '${named.name}'`);
  }
  return { identity, admin: false };
}

function permits(policy: Policy, route: Route, path: CanonicalPath, argument: string): boolean {
  const own = verdict(policy, path);
  const guard = route.guardedBy;
  if (guard === undefined) return own === "allow";
  // The guarding path holds the same, already decoded argument.
  const other = verdict(policy, (guard.path + argument) as CanonicalPath);
  if (own === "deny" || other === "deny") return false;
  return guard.mode === "both" ? own === "allow" && other === "allow" : own === "allow" || other === "allow";
}

function refused(reason: string): KesError {
  return new KesError("NOT_AUTHORIZED", [], { cause: new Error(reason) });
}
