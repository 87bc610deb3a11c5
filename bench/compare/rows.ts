/** What is measured: connections × streams, over one protocol. */
import type { Protocol } from "./generator.js";

export interface Row {
  /** As tables have it. */
  readonly label: string;
  readonly protocol: Protocol;
  readonly connections: number;
  readonly streams: number;
  /** CPU for a request of our own engine over that of the yardstick: what we set out to reach. */
  readonly goal: number;
}

export const ROWS: readonly Row[] = [
  { label: "h2, 1 × 1", protocol: "h2", connections: 1, streams: 1, goal: 0.9 },
  { label: "h2, 1 × 16", protocol: "h2", connections: 1, streams: 16, goal: 0.6 },
  { label: "h2, 1 × 64", protocol: "h2", connections: 1, streams: 64, goal: 0.5 },
  { label: "h2, 64 × 1", protocol: "h2", connections: 64, streams: 1, goal: 1.2 },
  { label: "h1, 16 connections", protocol: "h1", connections: 16, streams: 1, goal: 2 },
];
