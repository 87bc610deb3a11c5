/** From the path of a request to the route that serves it, so that names do not make a row each. */

/** What no route serves. */
export const NO_ROUTE = "(no such path)";

/**
 * @param routes - paths of the API; one with a `/` at its end takes a name behind it
 * @returns a function from a path to its route
 */
export function routeFinder(routes: readonly string[]): (path: string) => string {
  const exact = new Set(routes);
  // The longest first: `/v1/key/bulk/decrypt/` before anything that begins alike.
  const prefixes = routes.filter((route) => route.endsWith("/")).sort((a, b) => b.length - a.length);
  return (path) => {
    if (exact.has(path)) return path;
    if (exact.has(`${path}/`)) return `${path}/`;
    return prefixes.find((prefix) => path.startsWith(prefix)) ?? NO_ROUTE;
  };
}
