/** The row that others are held against. */
export const nobody: Behaviour = {
  name: "nobody attacks",
  speaks: "tcp",
  connections: 1,
  play: async () => undefined,
};

/** All rows of the table: what clients do that nobody wants. A new one is an entry in one of these. */
import type { Behaviour } from "./behaviour.js";
import { h1Behaviours } from "./behaviours-h1.js";
import { h2Behaviours } from "./behaviours-h2.js";
import { streamBehaviours } from "./behaviours-h2-streams.js";
import { tcpBehaviours } from "./behaviours-tcp.js";

export const behaviours: readonly Behaviour[] = [
  nobody,
  ...tcpBehaviours,
  ...h1Behaviours,
  ...h2Behaviours,
  ...streamBehaviours,
];
