/** Whether a row is within bounds. */
import type { Behaviour } from "./behaviour.js";
import type { Outcome } from "./measure.js";

export interface Bounds {
  /** Of memory that lives, each connection: what an idle one has, and 128 KiB. */
  readonly bytesPerConnection: number;
  /** Resident memory grows by garbage as well. */
  readonly peakBytes: number;
  readonly leftBytes: number;
  /** In which the event loop is held, at most and nearly always. */
  readonly delayP999Ms: number;
  /** Beyond that where whoever is cut off comes back, for each connection. */
  readonly handshakeMs: number;
  /** Beyond twenty times what it is without attackers, which says how busy the machine is. */
  readonly p99Ms: number;
  /** Waiting time of a new connection. */
  readonly newcomerMs: number;
}

const KIB = 1024;
const MIB = 1024 * KIB;

export const usualBounds: Bounds = {
  bytesPerConnection: (64 + 128) * KIB,
  peakBytes: 128 * MIB,
  leftBytes: 8 * MIB,
  delayP999Ms: 20,
  handshakeMs: 1,
  p99Ms: 100,
  newcomerMs: 2_000,
};

/**
 * @param idle - the row without attackers
 * @returns what breaks a bound, in words; empty when nothing does
 */
export function faults(
  behaviour: Behaviour,
  outcome: Outcome,
  idle: Outcome | undefined,
  bounds: Bounds = usualBounds,
): string[] {
  const { connections, heldBytes, peakBytes, leftBytes, delay, regular } = outcome;
  const shared = (behaviour.sharedMib ?? 0) * MIB;
  const mayHold = Math.max(connections * bounds.bytesPerConnection, shared * 1.25, MIB);
  const found: string[] = [];
  const hold = (what: string, value: number, most: number, unit: string): void => {
    if (value > most) found.push(`${what} ${Math.round(value)} ${unit} of ${Math.round(most)}`);
  };
  hold("held", heldBytes / MIB, mayHold / MIB, "MiB");
  hold("resident", peakBytes / MIB, (bounds.peakBytes + 2 * shared) / MIB, "MiB");
  hold("left", leftBytes / MIB, bounds.leftBytes / MIB, "MiB");
  if (behaviour.isDear === true) return found;
  // Sixty handshakes in a turn are a millisecond each, and a flood of connections is not borne better by anybody.
  const handshakes = behaviour.comesBack === true ? connections * bounds.handshakeMs : 0;
  hold("loop", delay.p999Ms, bounds.delayP999Ms + handshakes, "ms");
  hold("p99", regular.p99Ms, bounds.p99Ms + 20 * (idle?.regular.p99Ms ?? 0), "ms");
  hold("newcomer", regular.newcomerMs, bounds.newcomerMs, "ms");
  hold("failed", regular.failures, 0, "requests");
  hold("failed", regular.newcomerFailures, 0, "newcomers");
  if (regular.failure !== "") found.push(regular.failure);
  return found;
}
