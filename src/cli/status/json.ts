/** Status and routes as KES's command prints them with `--json` (reference §14.3). */
import type { ApiInfo, ServerStatus } from "../../client/types.js";
import type { ServerReport } from "./report.js";

/**
 * Of one server its state, or its routes when they alone were asked for; of several an object each.
 * @param isAll - an object with the server's name also for a single one
 */
export function jsonOf(reports: readonly ServerReport[], isAll = false): readonly object[] {
  const [only] = reports;
  if (isAll || reports.length !== 1 || only === undefined) return reports.map(serverMembers);
  if (only.status !== undefined) return [statusMembers(only.status)];
  return only.apis === undefined ? [] : [apiRows(only.apis)];
}

/** The members as the server sent them; a flag of the keystore that is false is left out. */
function statusMembers({ raw }: ServerStatus): object {
  return Object.fromEntries(
    Object.entries(raw).filter(([name, value]) => !(name.startsWith("keystore_") && value === false)),
  );
}

/** The rows of `GET /v1/api`. */
function apiRows(apis: readonly ApiInfo[]): object[] {
  return apis.map(({ method, path, maxBodyBytes, timeoutSeconds }) => ({
    method,
    path,
    max_body: maxBodyBytes,
    timeout: timeoutSeconds,
  }));
}

/** One of several servers, whether it answered or not: its name, then what it told. */
function serverMembers({ server, status, apis, failure }: ServerReport): object {
  // Whatever it calls itself.
  const { server: _, ...told } = { server, ...(status === undefined ? {} : statusMembers(status)) };
  return {
    server,
    ...told,
    ...(apis === undefined ? {} : { api: apiRows(apis) }),
    ...(failure === undefined ? {} : { error: failure.message }),
  };
}
