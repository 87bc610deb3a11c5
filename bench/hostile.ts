/**
 * What clients without any right can do to a server, measured: `npm run hostile`. Each row is a behaviour of many
 * connections for some seconds, while a client that means well decrypts on a connection of its own. docs/hostile-clients.md
 * tells what is measured. Ends with 1 when our own engines break a bound.
 *
 * Options: `--only` a part of behaviours' names, or several with commas; `--engines keswick,node`, `--connections`,
 * `--seconds`, `--list`.
 */
import { parseArgs } from "node:util";
import type { HttpEngine } from "../src/config/config.js";
import type { Behaviour } from "./hostile/behaviour.js";
import { behaviours, nobody } from "./hostile/behaviours.js";
import { Arena, type Outcome } from "./hostile/measure.js";
import { header, line } from "./hostile/table.js";
import { faults } from "./hostile/verdict.js";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    engines: { type: "string", default: "keswick,node" },
    connections: { type: "string", default: "60" },
    seconds: { type: "string", default: "1.5" },
    list: { type: "boolean", default: false },
  },
});
const engines = values.engines.split(",").map((name): HttpEngine => {
  if (name !== "keswick" && name !== "node") throw new RangeError(`no engine is called '${name}'`);
  return name;
});
const parts = values.only.split(",");
const chosen = behaviours.filter((one) => one !== nobody && parts.some((part) => one.name.includes(part)));
const conditions = { connections: Number(values.connections), seconds: Number(values.seconds) };

if (values.list) for (const { name } of chosen) console.log(name);
else await play();

async function play(): Promise<void> {
  const arenas = new Map<HttpEngine, Arena>();
  const idle = new Map<HttpEngine, Outcome>();
  console.log(header());
  for (const behaviour of [nobody, ...chosen]) {
    for (const engine of engines) {
      const outcome = await measureIn(arenas, engine, behaviour);
      if (behaviour === nobody) idle.set(engine, outcome);
      const found = faults(behaviour, outcome, idle.get(engine));
      console.log(line(outcome, found));
      if (found.length > 0 && engine === "keswick") process.exitCode = 1;
    }
  }
  for (const arena of arenas.values()) await arena.close();
}

/** In the engine's arena, or in one of its own where the server must be another. */
async function measureIn(
  arenas: Map<HttpEngine, Arena>,
  engine: HttpEngine,
  behaviour: Behaviour,
): Promise<Outcome> {
  const { maxConnections } = behaviour;
  const kept = maxConnections === undefined ? arenas.get(engine) : undefined;
  const arena = kept ?? (await Arena.open(engine, maxConnections));
  const outcome = await arena.measure(behaviour, conditions);
  if (maxConnections === undefined && !arena.isSpoilt) arenas.set(engine, arena);
  else {
    arenas.delete(engine);
    await arena.close();
  }
  return outcome;
}
