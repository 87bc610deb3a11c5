/** Makes inputs, plays them, and holds what becomes of them against laws. */
import { Http1Engine } from "../../src/server/http1/engine.js";
import { MAX_BODY, type Outcome, playAll, Theatre } from "../../test/support/http1/play.js";
import { readRequests } from "../../test/support/http1/reference-reader.js";
import { requests } from "../../test/support/http1/request-forms.js";
import { type Choices, SeededChoices } from "../../test/support/http1/tape.js";
import { mutate } from "./mutate.js";

export interface Finding {
  readonly input: string;
  readonly what: string;
}

const BATCH = 256;
/** CPU time of a batch; one that takes longer has an input in it that costs too much. */
const MAX_BATCH_CPU_MS = 20_000;

/** What an input has in it. */
const PARTS: readonly RegExp[] = [
  /^content-length:/im,
  /^transfer-encoding:/im,
  /^expect:/im,
  /^connection:/im,
  /HTTP\/1\.0/,
  /\n[0-9a-f]+;/i,
];

export class Fuzzer {
  readonly findings: Finding[] = [];
  /** Inputs that brought about something new. */
  readonly fresh: string[] = [];
  inputs = 0;
  readonly #choices: Choices;
  readonly #pool: string[];
  readonly #seen = new Set<string>();
  readonly #theatre = new Theatre((options) => new Http1Engine(options));
  #isWarm = false;

  constructor(corpus: readonly string[], seed: number) {
    this.#choices = new SeededChoices(seed);
    this.#pool = [...corpus];
  }

  /** Kinds of behaviour that were seen. */
  get features(): number {
    return this.#seen.size;
  }

  /** Plays a batch of inputs; first those of the corpus. */
  async round(): Promise<void> {
    if (this.#isWarm) return this.#play(Array.from({ length: BATCH }, () => this.#input()));
    this.#isWarm = true;
    const corpus = [...this.#pool];
    for (let at = 0; at < corpus.length; at += BATCH) await this.#play(corpus.slice(at, at + BATCH));
  }

  #input(): string {
    const choices = this.#choices;
    const size = this.#pool.length;
    if (size === 0 || choices.below(4) === 0) return requests(choices).join("");
    return mutate(choices, this.#pool[choices.below(size)] ?? "", this.#pool[choices.below(size)] ?? "");
  }

  async #play(inputs: readonly string[]): Promise<void> {
    const started = process.cpuUsage();
    const whole = await playAll(
      this.#theatre,
      inputs.map((input) => [input]),
      3,
    );
    // What depends on how the bytes come is whether an unread body is there already.
    // A head is looked at again when it is whole, at the latest.
    const plain = inputs.map((input) => `${input.replaceAll("/skip", "/read")}\r\n\r\n`);
    const joined = await playAll(
      this.#theatre,
      plain.map((input) => [input]),
      3,
    );
    const cut = await playAll(
      this.#theatre,
      plain.map((input) => this.#cut(input)),
      2,
    );
    const { user } = process.cpuUsage(started);
    if (user > MAX_BATCH_CPU_MS * 1_000)
      this.#find(inputs.join(""), `a batch took ${Math.round(user / 1_000)} ms of CPU time`);
    for (const [i, input] of inputs.entries()) {
      this.inputs++;
      const outcome = whole[i]?.at(-1);
      if (outcome === undefined) throw new Error("an input was not played");
      this.#checkGrammar(input, outcome);
      this.#checkCuts(plain[i] ?? "", joined[i]?.at(-1), cut[i]?.at(-1));
      this.#keep(input, outcome);
    }
    const fault = this.#theatre.fault();
    if (fault !== undefined) this.#find(inputs.join(""), fault);
  }

  #checkGrammar(input: string, { requests: seen }: Outcome): void {
    const all = readRequests(input);
    // Which of those behind a body that is too large are served depends on how it comes.
    if (all.some(({ body }) => body.length > MAX_BODY)) return;
    const read = all
      .filter(({ target }) => !target.startsWith("/skip"))
      .map(({ method, target, values, body }) =>
        [method, target, values.join("|"), body].map((part) => JSON.stringify(part)).join(" "),
      );
    const served = seen.filter((line) => !line.endsWith(' "<too-large>"'));
    if (served.join("\n") !== read.join("\n"))
      this.#find(input, `requests ${served.join("; ")}, by the grammar ${read.join("; ")}`);
  }

  #checkCuts(input: string, whole: Outcome | undefined, cut: Outcome | undefined): void {
    const [one, other] = [lasting(whole), lasting(cut)];
    if (one !== other) this.#find(input, `in one piece ${one}, cut ${other}`);
  }

  #cut(input: string): readonly string[] {
    const choices = this.#choices;
    const places = Array.from({ length: choices.below(8) }, () => choices.below(input.length + 1));
    places.sort((a, b) => a - b);
    return [0, ...places].map((start, i) => input.slice(start, places[i] ?? input.length));
  }

  /** What an input brought about, roughly: another kind of it is worth keeping. */
  #keep(input: string, outcome: Outcome): void {
    const parts = PARTS.filter((part) => part.test(input)).length;
    const ends = [outcome.statuses.slice(-2).join(), outcome.refused[0], outcome.closes];
    const feature = [Math.min(outcome.requests.length, 2), parts, ...ends].join(" / ");
    if (this.#seen.has(feature)) return;
    this.#seen.add(feature);
    if (input.length > 1_000 || outcome.requests.length > 3) return;
    this.#pool.push(input);
    if (this.#isWarm) this.fresh.push(input);
  }

  #find(input: string, what: string): void {
    this.findings.push({ input, what });
  }
}

function lasting(outcome: Outcome | undefined): string {
  if (outcome === undefined) return "nothing";
  const { requests: seen, statuses, refused, closes } = outcome;
  return JSON.stringify([seen, statuses.filter((status) => status !== 100), refused.length, closes]);
}
