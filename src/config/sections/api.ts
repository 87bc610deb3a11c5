/** `api`: options of single routes. */
import type { ApiConfig, Config } from "../config.js";
import type { ConfigRoute } from "../context.js";
import { nearest } from "../nearest.js";
import { flag, named, optionalDuration, section, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";

export const apiSchema = named(
  section(
    {
      skip_auth: flag({
        default: false,
        description:
          "true: the route answers callers without certificate and without policy. Only for /version, /v1/ready, " +
          "/v1/status, /v1/metrics and /v1/api.",
      }),
      timeout: optionalDuration({
        description: "Replaces the route's time limit, that of its keystore call included. 0s keeps it.",
        negative: "kesconf: invalid timeout '%n' for API '%k'",
      }),
    },
    "A route, by its path.",
  ),
  "Options of single routes.",
);

export function resolveApi(
  value: ValueOf<typeof apiSchema>,
  scope: Scope,
  routes: readonly ConfigRoute[],
): Config["api"] {
  const options = new Map<string, ApiConfig>();
  for (const [path, option] of Object.entries(value)) {
    const at = scope.at(path);
    const route = routeOf(path, at, routes);
    if (route === undefined) continue;
    if (options.has(route.path)) {
      at.errorOfKey(`ambiguous API configuration for '${route.path}': it is named twice`);
      continue;
    }
    if (option.skip_auth && !route.skipAuth) {
      const open = routes.filter((one) => one.skipAuth).map((one) => one.path);
      at.at("skip_auth").error(
        `'${route.path}' cannot be opened to callers without certificate, whoever they are; only ${open.join(", ")}`,
      );
    }
    const timeoutMs =
      option.timeout === undefined || option.timeout === 0 ? {} : { timeoutMs: option.timeout };
    options.set(route.path, { skipAuth: option.skip_auth, ...timeoutMs });
  }
  return options;
}

/** The route that `path` names. Older KES trimmed blanks and added the first slash; the last one is easily lost. */
function routeOf(path: string, at: Scope, routes: readonly ConfigRoute[]): ConfigRoute | undefined {
  const exact = routes.find((route) => route.path === path);
  if (exact !== undefined) return exact;
  const trimmed = path.trim().replace(/\/$/, "");
  const rooted = trimmed.startsWith("/") ? trimmed : `/${trimmed}`;
  const meant = routes.find((route) => route.path === rooted || route.path === `${rooted}/`);
  if (meant !== undefined) {
    at.warnOfKey(`the route's path is '${meant.path}'; write it so`);
    return meant;
  }
  const paths = routes.map((route) => route.path);
  const under = paths.find((one) => one.endsWith("/") && path.startsWith(one));
  const near = under ?? nearest(rooted, paths);
  const hint = near === undefined ? "" : `; did you mean '${near}'?`;
  at.errorOfKey(`the API has no route '${path}'${hint}`);
  return undefined;
}
