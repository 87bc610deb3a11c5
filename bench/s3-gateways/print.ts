/** The table. */
import { CLIENT_SETTINGS } from "./client.js";
import type { GatewaysReport } from "./run.js";
import { operations } from "./tally.js";

export function printGateways({
  tally,
  seconds,
  outagesMs,
  gatewayKills,
  objects,
  lost,
}: GatewaysReport): string {
  const head = ["operation", "done", "retried", "cut", "failed", "wrong", "longest"];
  const rows = operations.map((name) => {
    const { done, retried, cut, failed, wrong, longestMs } = tally.of[name];
    return [name, ...[done, retried, cut, failed, wrong].map(String), `${(longestMs / 1_000).toFixed(1)} s`];
  });
  const sums = (["done", "retried", "cut", "failed", "wrong"] as const).map((what) => tally.total(what));
  rows.push(["all", ...sums.map(String), `${(tally.longestMs / 1_000).toFixed(1)} s`]);
  const line = (cells: readonly string[]): string =>
    cells.map((cell, i) => (i === 0 ? cell.padEnd(12) : cell.padStart(9))).join("");
  const { maxAttempts, retryMode, connectionTimeoutMs, requestTimeoutMs } = CLIENT_SETTINGS;
  return [
    line(head),
    ...rows.map(line),
    "",
    `${seconds.toFixed(0)} s; key server killed ${outagesMs.length} times, away for ` +
      `${outagesMs.map((ms) => `${(ms / 1_000).toFixed(1)} s`).join(", ")}; gateways killed ${gatewayKills} times`,
    `acknowledged objects at the end: ${objects}, lost or altered: ${lost}`,
    `retries: AWS's client's own (${retryMode}, ${maxAttempts} attempts), ${connectionTimeoutMs / 1_000} s to connect, ` +
      `${requestTimeoutMs / 1_000} s to answer; a body that broke off is asked for anew, 3 times at most`,
    ...tally.messages,
  ].join("\n");
}
