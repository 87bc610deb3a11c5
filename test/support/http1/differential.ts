/** The same requests to our engine of HTTP/1.1 and to Node's, and where the two part. */
import { Http1Engine } from "../../../src/server/http1/engine.js";
import { NodeHttp1Engine } from "../../../src/server/node/h1-engine.js";
import { explanationOf, firstDifference } from "./differences.js";
import { type Outcome, playAll, Theatre } from "./play.js";

/** Connections at a time. */
const BATCH = 64;
/** Whatever parts is played again with more time before it counts: a busy machine is no difference. */
const PATIENT_ROUNDS = 40;

export interface Parting {
  readonly script: readonly string[];
  readonly ours: string;
  readonly node: string;
}

export interface DifferentialFigures {
  connections: number;
  requests: number;
  alike: number;
  /** Why → how often. */
  readonly explained: Map<string, number>;
  readonly unexplained: Parting[];
  /** Form of the last step of ours → how often: what the requests came to. */
  readonly outcomes: Map<string, number>;
}

export class Differential {
  readonly figures: DifferentialFigures = {
    connections: 0,
    requests: 0,
    alike: 0,
    explained: new Map(),
    unexplained: [],
    outcomes: new Map(),
  };
  readonly #ours = new Theatre((options) => new Http1Engine(options));
  readonly #node = new Theatre((options) => new NodeHttp1Engine(options));

  /** Plays `scripts`, each on a connection of its own. */
  async play(scripts: readonly (readonly string[])[]): Promise<void> {
    for (let at = 0; at < scripts.length; at += BATCH) await this.#batch(scripts.slice(at, at + BATCH));
  }

  close(): void {
    this.#ours.close();
    this.#node.close();
  }

  async #batch(scripts: readonly (readonly string[])[]): Promise<void> {
    const [ours, node] = await this.#both(scripts);
    for (const [i, script] of scripts.entries()) {
      const mine = ours[i] ?? [];
      const theirs = node[i] ?? [];
      const { figures } = this;
      figures.connections++;
      figures.requests += script.length;
      count(figures.outcomes, shapeOf(mine.at(-1)));
      const difference = firstDifference(mine, theirs);
      if (difference === undefined) figures.alike++;
      else await this.#explain(script, difference);
    }
  }

  async #explain(script: readonly string[], difference: readonly [string, string]): Promise<void> {
    const row = explanationOf(difference, script.join(""));
    if (row !== undefined) return count(this.figures.explained, row.why);
    const [[mine = []], [theirs = []]] = await this.#both([script], PATIENT_ROUNDS);
    const again = firstDifference(mine, theirs);
    if (again === undefined) this.figures.alike++;
    else if (explanationOf(again, script.join("")) !== undefined) await this.#explain(script, again);
    else this.figures.unexplained.push({ script, ours: again[0], node: again[1] });
  }

  #both(
    scripts: readonly (readonly string[])[],
    rounds?: number,
  ): Promise<[readonly (readonly Outcome[])[], readonly (readonly Outcome[])[]]> {
    return Promise.all([playAll(this.#ours, scripts, rounds), playAll(this.#node, scripts, rounds)]);
  }
}

function count(into: Map<string, number>, what: string): void {
  into.set(what, (into.get(what) ?? 0) + 1);
}

function shapeOf(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "nothing";
  const refused = outcome.refused[0];
  if (refused !== undefined) return `refused: ${refused}`;
  if (outcome.statuses.length === 0) return "waits for the rest";
  return outcome.closes ? "answered, closed" : "answered, kept";
}
