/** Everything that one picture of `kes top` shows. */
import type { ServerMetrics, ServerStatus } from "../../client/types.js";
import type { Change } from "../metric/change.js";
import type { RowFigures } from "./window.js";

/** What one server told; what it did not tell, or the caller may not see, is absent. */
export interface ServerFigures {
  readonly name: string;
  /** It answered the last question, if only with a refusal. */
  readonly isUp: boolean;
  readonly status?: ServerStatus;
  readonly metrics?: ServerMetrics;
  /** Over the window. */
  readonly change?: Change;
  /** Requests over the window as the audit log tells them. */
  readonly audited?: RowFigures;
}

export interface TopSnapshot {
  readonly nowMs: number;
  readonly windowSeconds: number;
  readonly servers: readonly ServerFigures[];
  /** Of all servers together; absent while no audit log is followed. */
  readonly total?: RowFigures;
  readonly routes: readonly RowFigures[];
  readonly identities: readonly RowFigures[];
  /** What cannot be shown and why, a line each. */
  readonly notes: readonly string[];
}

/** The changes of all servers as one; undefined when there is none. */
export function sumOfChanges(servers: readonly ServerFigures[]): Change | undefined {
  const changes = servers.map(({ change }) => change).filter((change) => change !== undefined);
  if (changes.length === 0) return undefined;
  const add = (of: (change: Change) => number): number =>
    changes.reduce((sum, change) => sum + of(change), 0);
  const known = (of: (change: Change) => number | undefined): number | undefined =>
    changes.every((change) => of(change) === undefined) ? undefined : add((change) => of(change) ?? 0);
  const requests = add((change) => change.requests);
  const times = new Map<number, number>();
  for (const { upToNs, count } of changes.flatMap((change) => change.times)) {
    times.set(upToNs, (times.get(upToNs) ?? 0) + count);
  }
  return {
    requests,
    erred: add(({ erred }) => erred),
    failed: add(({ failed }) => failed),
    errorEvents: add(({ errorEvents }) => errorEvents),
    cacheHits: known(({ cacheHits }) => cacheHits),
    cacheMisses: known(({ cacheMisses }) => cacheMisses),
    // Each server's mean weighs as much as it had requests.
    meanNs: requests === 0 ? undefined : add(({ meanNs = 0, requests: own }) => meanNs * own) / requests,
    times: [...times].sort(([a], [b]) => a - b).map(([upToNs, count]) => ({ upToNs, count })),
  };
}

/** The orders in which rows can stand, the first to begin with. */
export const ORDERS = ["requests", "errors", "latency", "name"] as const;
export type Order = (typeof ORDERS)[number];

/** A copy of `rows`, the most remarkable first; equals by name, so that rows do not swap places without reason. */
export function sorted(rows: readonly RowFigures[], order: Order): readonly RowFigures[] {
  const weight = (row: RowFigures): number => {
    if (order === "requests") return row.requests;
    if (order === "errors") return row.erred + row.failed;
    return order === "latency" ? (row.p99 ?? 0) : 0;
  };
  return [...rows].sort((a, b) => weight(b) - weight(a) || (a.name < b.name ? -1 : 1));
}
