/** A key service that loses answers: what it did and what it said are two things. */
import type { ApiReply, ApiRequest } from "../../src/client/transport.js";
import { KeyVersion } from "../../src/crypto/key-version.js";
import { KesError } from "../../src/errors.js";
import { done, ENDPOINT, type FakeClock, IDENTITY, refusal, reply } from "./fake-transport.js";

/**
 * What becomes of one create, import or delete:
 * - `ok`: done and told;
 * - `lost-before`, `lost-after`: nobody tells; not done, or done;
 * - `late`: nobody tells; done right after the next request;
 * - `failed-before`, `failed-after`: answered 502; not done, or done.
 */
export type Fate = "ok" | "lost-before" | "lost-after" | "late" | "failed-before" | "failed-after";

interface StoredKey {
  readonly createdAtMs: number;
  readonly createdBy: string;
  readonly version: KeyVersion;
}

/** One key name, `k`. */
export class FragileKeyService {
  key: StoredKey | undefined;
  /** Fates of the next changes; `ok` when used up. */
  fates: Fate[] = [];
  /** Answers in place of the service's own, by a part of the path. */
  readonly instead = new Map<string, () => ApiReply>();
  /** Creations and deletions that were carried out. */
  readonly done: ("create" | "delete")[] = [];
  /** Milliseconds since 1970 when the clock stands at 0. */
  epochMs = Date.UTC(2026, 0, 1, 12, 0, 0, 250);
  tellsTime = true;
  readonly #clock: FakeClock;
  #late: (() => unknown) | undefined;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  get nowMs(): number {
    return this.epochMs + this.#clock.now();
  }

  /** Puts a key there. */
  store(
    about: {
      createdBy?: string;
      createdAtMs?: number;
      keyBytes?: Uint8Array;
      hmacKeyBytes?: Uint8Array;
    } = {},
  ): void {
    const { createdBy = IDENTITY, createdAtMs = this.nowMs, ...bytes } = about;
    const version = KeyVersion.create({
      algorithm: "AES256",
      createdBy,
      nowMs: createdAtMs,
      random: (size) => Buffer.alloc(size, 7),
      ...bytes,
    });
    this.key = { createdBy, createdAtMs, version };
  }

  /** Answers as a server over a network that fails as {@link fates} say. */
  handle(request: ApiRequest): ApiReply {
    this.#clock.timeMs += 10;
    const late = this.#late;
    this.#late = undefined;
    try {
      return this.#answer(request);
    } finally {
      late?.();
    }
  }

  #answer(request: ApiRequest): ApiReply {
    for (const [part, answer] of this.instead) if (request.path.includes(part)) return answer();
    const body: unknown = request.body === undefined ? {} : JSON.parse(Buffer.from(request.body).toString());
    const bytes = (name: string): Buffer | undefined => {
      const text: unknown = typeof body === "object" && body !== null ? Reflect.get(body, name) : undefined;
      return typeof text === "string" ? Buffer.from(text, "base64") : undefined;
    };
    if (request.path.includes("/create/")) return this.#change(request, () => this.#create());
    if (request.path.includes("/import/")) {
      const [keyBytes, hmacKeyBytes] = [bytes("key"), bytes("hmac_key")];
      return this.#change(request, () =>
        this.#create({ ...(keyBytes && { keyBytes }), ...(hmacKeyBytes && { hmacKeyBytes }) }),
      );
    }
    if (request.path.includes("/delete/")) return this.#change(request, () => this.#delete());
    const { key } = this;
    if (key === undefined) return this.#dated(refusal(404, "key does not exist"));
    if (request.path.includes("/describe/")) return this.#dated(describe(key));
    if (request.path.includes("/generate/")) {
      const plaintext = Buffer.alloc(32, 9);
      const ciphertext = key.version.seal(plaintext, Buffer.alloc(0), (size) => Buffer.alloc(size, 3));
      return reply({ plaintext: plaintext.toString("base64"), ciphertext: ciphertext.toString("base64") });
    }
    if (request.path.includes("/hmac/"))
      return reply({ hmac: key.version.hmac(bytes("message") ?? Buffer.alloc(0)).toString("base64") });
    throw new Error(`unexpected ${request.method} ${request.path}`);
  }

  #change(request: ApiRequest, make: () => ApiReply): ApiReply {
    if (request.repeatable) throw new Error("a change must not be repeatable");
    const fate = this.fates.shift() ?? "ok";
    if (fate === "ok") return make();
    if (fate.endsWith("-after")) make();
    if (fate === "late") this.#late = make;
    if (fate.startsWith("failed")) return refusal(502, "failed to create key");
    throw new KesError("ANSWER_LOST", [ENDPOINT, "connection was reset"]);
  }

  #create(bytes: { keyBytes?: Buffer; hmacKeyBytes?: Buffer } = {}): ApiReply {
    if (this.key !== undefined) return refusal(400, "key already exists");
    this.store(bytes);
    this.done.push("create");
    return done();
  }

  #delete(): ApiReply {
    if (this.key === undefined) return refusal(404, "key does not exist");
    this.key = undefined;
    this.done.push("delete");
    return done();
  }

  #dated(answer: ApiReply): ApiReply {
    // As servers do: whole seconds.
    return this.tellsTime ? { ...answer, dateMs: Math.floor(this.nowMs / 1000) * 1000 } : answer;
  }
}

function describe(key: StoredKey): ApiReply {
  return reply({
    name: "k",
    algorithm: "AES256",
    created_at: new Date(key.createdAtMs).toISOString(),
    created_by: key.createdBy,
  });
}
