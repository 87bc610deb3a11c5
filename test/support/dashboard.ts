/** The panels of the Grafana dashboard and what they ask Prometheus. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { isRecord } from "../../src/config/schema-view.js";

const file = resolve(import.meta.dirname, "../../deploy/grafana/keswick.json");

export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly queries: readonly string[];
}

export const dashboard: Readonly<Record<string, unknown>> = record(JSON.parse(readFileSync(file, "utf8")));

/** Every panel but headlines. */
export const panels: readonly Panel[] = list(dashboard.panels)
  .map((panel) => ({
    id: Number(panel.id),
    title: String(panel.title),
    type: String(panel.type),
    queries: list(panel.targets ?? []).map(({ expr }) => String(expr)),
  }))
  .filter(({ type }) => type !== "row");

/** What marks the graphs, such as starts of servers. */
export const annotations: readonly string[] = list(record(dashboard.annotations).list).map(({ expr }) =>
  String(expr),
);

/** A query as Grafana sends it when everything is selected. @param interval - of rates, for example `10s` */
export function asSent(query: string, interval: string): string {
  return query.replaceAll("$__rate_interval", interval).replace(/\$(?:job|instance)\b/g, ".+");
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) throw new TypeError("expected an object");
  return value;
}

function list(value: unknown): readonly Readonly<Record<string, unknown>>[] {
  if (!Array.isArray(value)) throw new TypeError("expected an array");
  return value.map(record);
}
