/** Finds the route of a canonical path. Built from the one table; exact paths first, then path plus argument. */
import type { Route } from "../api/route.js";
import type { CanonicalPath } from "../policy/policy.js";
import { hasRealSlashes } from "./canonical-path.js";

/** What a path leads to. */
export type Match =
  | { readonly kind: "route"; readonly route: Route; readonly argument: string }
  /** A route with an argument, asked for without its final slash. */
  | { readonly kind: "redirect"; readonly path: string }
  | { readonly kind: "removed" }
  | { readonly kind: "unknown" };

const UNKNOWN: Match = { kind: "unknown" };

export class RouteTable {
  readonly #exact = new Map<string, Extract<Match, { kind: "route" }>>();
  readonly #prefixes = new Map<string, Route>();
  readonly #removed: readonly string[];

  constructor(routes: readonly Route[], removed: readonly string[]) {
    this.#removed = removed;
    for (const route of routes) {
      if (route.path.endsWith("/") !== (route.argument !== "none")) {
        throw new Error(`route ${route.path}: a path ends in a slash if and only if it takes an argument`);
      }
      if (route.argument === "none") this.#exact.set(route.path, { kind: "route", route, argument: "" });
      else this.#prefixes.set(route.path, route);
    }
  }

  /** @param raw - the path as sent, to tell real slashes from escaped ones */
  find(path: CanonicalPath, raw: string): Match {
    const exact = this.#exact.get(path);
    if (exact) return hasRealSlashes(raw, path, count(path)) ? exact : UNKNOWN;
    // Paths look like /v1/<thing>/<action>/<argument> or have one segment more.
    let slash = path.indexOf("/", path.indexOf("/", path.indexOf("/", 1) + 1) + 1);
    for (let slashes = 4; slash > 0 && slashes <= 5; slashes++) {
      const route = this.#prefixes.get(path.slice(0, slash + 1));
      if (route) {
        if (!hasRealSlashes(raw, path, slashes)) return UNKNOWN;
        return { kind: "route", route, argument: path.slice(slash + 1) };
      }
      slash = path.indexOf("/", slash + 1);
    }
    if (this.#prefixes.has(`${path}/`) && !raw.includes("%")) return { kind: "redirect", path: `${path}/` };
    const removed = this.#removed.some((old) => (old.endsWith("/") ? path.startsWith(old) : path === old));
    return removed ? { kind: "removed" } : UNKNOWN;
  }
}

function count(path: string): number {
  let n = 0;
  for (const c of path) if (c === "/") n++;
  return n;
}

/** What is declared `PUT` may be asked for by `POST` as well (KES reference §2.3). */
export function takes(route: Route, method: string): boolean {
  return method === route.method || (route.method === "PUT" && method === "POST");
}
