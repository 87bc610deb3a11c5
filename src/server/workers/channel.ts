/** Questions, answers and notes between two processes. */
import type { Socket } from "node:net";
import { causes } from "../../audit/error-log.js";
import { ConfigError } from "../../errors.js";
import type { Failure } from "./protocol.js";

/** The part of `process` and of a `ChildProcess` that is used here. */
export interface Port {
  readonly connected: boolean;
  send?(
    message: object,
    handle?: Socket,
    options?: { keepOpen?: boolean },
    sent?: (error: Error | null) => void,
  ): boolean;
  on(event: "message", listener: (message: unknown, handle: unknown) => void): unknown;
  once(event: "disconnect", listener: () => void): unknown;
}

/** What becomes of questions of the other side. */
export type Answers<K> = {
  readonly [Kind in keyof K]: K[Kind] extends { readonly asked: infer Asked; readonly answer: infer Answer }
    ? (asked: Asked) => Answer | Promise<Answer>
    : never;
};

/** What becomes of notes of the other side. */
export type Hears<N> = {
  readonly [Kind in keyof N]: (note: N[Kind], socket: Socket | undefined) => void;
};

/** How both sides write: a question has an id and a kind, a note a kind alone, an answer an id alone. */
interface Message {
  readonly id?: number;
  readonly kind?: string;
  readonly body?: unknown;
  readonly failure?: Failure;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The other process did not answer, and never will. */
export class ChannelClosed extends Error {
  override readonly name = "ChannelClosed";
}

/** What one side asks and notes, and what the other side does. */
export interface Sides {
  readonly asks: object;
  readonly notes: object;
  readonly answers: object;
  readonly hears: object;
}

export class Channel<S extends Sides> {
  readonly #port: Port;
  readonly #answers: ReadonlyMap<string, (asked: unknown) => unknown>;
  readonly #hears: ReadonlyMap<string, (note: unknown, socket: Socket | undefined) => void>;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #unsentBytes = 0;

  constructor(port: Port, answers: Answers<S["answers"]>, hears: Hears<S["hears"]>) {
    this.#port = port;
    this.#answers = new Map(Object.entries(answers));
    this.#hears = new Map(Object.entries(hears));
    port.on("message", (message, handle) => this.#receive(message as Message, handle as Socket | undefined));
    port.once("disconnect", () => this.#abandon());
  }

  /** Bytes of notes given to {@link note} with a size that have not been sent yet. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** @throws ChannelClosed, ConfigError, or an Error with what the other side says */
  ask<Kind extends keyof S["asks"] & string>(
    kind: Kind,
    body: S["asks"][Kind] extends { asked: infer Asked } ? Asked : never,
  ): Promise<S["asks"][Kind] extends { answer: infer Answer } ? Answer : never> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting["resolve"], reject });
      this.#send({ id, kind, body });
      if (!this.#port.connected) this.#abandon();
    });
  }

  /** @param sizeBytes - counted in {@link unsentBytes} until it is sent */
  note<Kind extends keyof S["notes"] & string>(kind: Kind, body: S["notes"][Kind], sizeBytes = 0): void {
    this.#unsentBytes += sizeBytes;
    this.#send({ kind, body }, undefined, () => {
      this.#unsentBytes -= sizeBytes;
    });
  }

  /** A note with a socket, which stays open here as well. */
  pass<Kind extends keyof S["notes"] & string>(kind: Kind, body: S["notes"][Kind], socket: Socket): void {
    this.#send({ kind, body }, socket);
  }

  /** A process that ends on its own while something is written to it is no fault of ours: questions are rejected. */
  #send(message: Message, socket?: Socket, sent?: () => void): void {
    const done = (): void => sent?.();
    if (!this.#port.connected) return done();
    this.#port.send?.(message, socket, { keepOpen: true }, done);
  }

  #receive({ id, kind, body, failure }: Message, socket: Socket | undefined): void {
    if (kind === undefined) return this.#settle(id ?? 0, body, failure);
    if (id === undefined) return this.#hears.get(kind)?.(body, socket);
    const answer = this.#answers.get(kind);
    // In a function of its own, so that what it throws at once is an answer as well.
    const answered = async (): Promise<unknown> => answer?.(body);
    answered().then(
      (result) => this.#send({ id, body: result }),
      (error: unknown) => this.#send({ id, failure: failureOf(error) }),
    );
  }

  #settle(id: number, body: unknown, failure: Failure | undefined): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure === undefined) waiting?.resolve(body);
    else waiting?.reject(errorOf(failure));
  }

  #abandon(): void {
    const all = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of all) reject(new ChannelClosed("the process has ended"));
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof ConfigError) return { kind: "config", faults: error.faults };
  return { kind: "other", message: causes(error) };
}

function errorOf(failure: Failure): Error {
  return failure.kind === "config" ? new ConfigError(failure.faults) : new Error(failure.message);
}
