/** What one client asks about its key, and whether it was told the truth. */
import type { Random } from "../http2-fuzz/random.js";
import type { WireAnswer, WireRequest } from "./wire.js";

/** A request whose right answer is known. */
export interface Question extends WireRequest {
  /** @throws Error that says what is wrong with the answer */
  check(answer: WireAnswer): void;
}

interface Sealed {
  readonly plaintext: string;
  readonly context: string;
  readonly ciphertext: string;
}

export class Asker {
  readonly #random: Random;
  readonly #key: string;
  readonly #identity: string;
  /** What the server has sealed for this client, and claims to have. */
  readonly #sealed: Sealed[] = [];

  constructor(random: Random, key: string, identity: string) {
    this.#random = random;
    this.#key = key;
    this.#identity = identity;
  }

  next(): Question {
    const random = this.#random;
    const which = this.#sealed.length === 0 ? 0 : random.int(6);
    if (which === 0) return this.#encrypt();
    if (which === 1) return this.#generate();
    if (which === 2) return this.#bulkGenerate();
    if (which === 3) return this.#bulkDecrypt(Array.from({ length: 5 }, () => random.pick(this.#sealed)));
    if (which === 4) return this.#decrypt();
    const expected = this.#identity;
    return this.#ask("GET", "/v1/identity/self/describe", undefined, ({ identity }) =>
      same(identity, expected),
    );
  }

  /** Opens what was sealed last, as much as a body of half a window holds. */
  last(): Question {
    return this.#bulkDecrypt(this.#sealed.slice(-12));
  }

  #encrypt(): Question {
    const [plaintext, context] = [this.#text(1_500), this.#text(60)];
    return this.#ask("PUT", `/v1/key/encrypt/${this.#key}`, { plaintext, context }, ({ ciphertext }) =>
      this.#keep(plaintext, context, ciphertext),
    );
  }

  #generate(): Question {
    const context = this.#text(200);
    return this.#ask("PUT", `/v1/key/generate/${this.#key}`, { context }, ({ plaintext, ciphertext }) =>
      this.#keep(plaintext, context, ciphertext),
    );
  }

  #bulkGenerate(): Question {
    const items = Array.from({ length: 1 + this.#random.int(5) }, () => ({ context: this.#text(90) }));
    return this.#ask("PUT", `/v1/key/bulk/generate/${this.#key}`, items, (answer) => {
      same(answer.length, items.length);
      for (const [i, { context }] of items.entries())
        this.#keep(answer[i].plaintext, context, answer[i].ciphertext);
    });
  }

  #decrypt(): Question {
    const { plaintext, ...rest } = this.#random.pick(this.#sealed);
    return this.#ask("PUT", `/v1/key/decrypt/${this.#key}`, rest, (answer) =>
      same(answer.plaintext, plaintext),
    );
  }

  #bulkDecrypt(sealed: readonly Sealed[]): Question {
    const items = sealed.map(({ ciphertext, context }) => ({ ciphertext, context }));
    const expected = sealed.map(({ plaintext }) => ({ plaintext }));
    return this.#ask("PUT", `/v1/key/bulk/decrypt/${this.#key}`, items, (answer) =>
      same(JSON.stringify(answer), JSON.stringify(expected)),
    );
  }

  #keep(plaintext: unknown, context: string, ciphertext: unknown): void {
    if (typeof plaintext !== "string" || typeof ciphertext !== "string")
      throw new Error("nothing was sealed");
    this.#sealed.push({ plaintext, context, ciphertext });
  }

  /** Base64 of up to `most` bytes, mostly far fewer. */
  #text(most: number): string {
    const length = this.#random.chance(0.7) ? this.#random.int(Math.min(most, 300)) : this.#random.int(most);
    return this.#random.bytes(length).toString("base64");
  }

  // biome-ignore lint/suspicious/noExplicitAny: what `check` finds missing fails the test.
  #ask(method: string, path: string, body: unknown, check: (answer: any) => void): Question {
    return {
      method,
      path,
      body: body === undefined ? "" : JSON.stringify(body),
      check({ status, body: text }) {
        if (status !== 200) throw new Error(`${method} ${path}: ${status} ${text.slice(0, 200)}`);
        check(JSON.parse(text));
      },
    };
  }
}

function same(value: unknown, expected: unknown): void {
  if (value !== expected) throw new Error("the answer is another one's");
}
