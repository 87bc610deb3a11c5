import { expect } from "chai";
import type { Clock } from "../../../../src/client/clock.js";
import type { KeyService } from "../../../../src/storage/keys/key-service.js";
import { PATIENCE_MS, PatientKeyService } from "../../../../src/storage/keys/patient.js";
import { StaticKeyService } from "../../../../src/storage/keys/static-key.js";
import { type SseFailure, sseError } from "../../../../src/storage/sse/errors.js";

/** Goes on when it is told to. */
class SteppedClock implements Clock {
  #nowMs = 0;
  readonly #tasks = new Set<{ readonly atMs: number; readonly task: () => void }>();

  now(): number {
    return this.#nowMs;
  }
  wallNow(): number {
    return this.#nowMs;
  }
  random(): number {
    return 0;
  }
  after(delayMs: number, task: () => void): () => void {
    const entry = { atMs: this.#nowMs + delayMs, task };
    this.#tasks.add(entry);
    return () => this.#tasks.delete(entry);
  }
  advance(ms: number): void {
    this.#nowMs += ms;
    for (const entry of [...this.#tasks]) {
      if (entry.atMs > this.#nowMs || !this.#tasks.delete(entry)) continue;
      entry.task();
    }
  }
  get waiting(): number {
    return this.#tasks.size;
  }
}

/** A key service that fails as it is told, for one key name or for all. */
class Failing {
  failure: SseFailure | undefined;
  onlyFor: string | undefined;
  calls = 0;
  isClosed = false;
  readonly service: KeyService;

  constructor() {
    const keys = new StaticKeyService("my-key", Buffer.alloc(32, 1));
    const check = (keyName = "my-key"): void => {
      this.calls++;
      if (this.failure !== undefined && (this.onlyFor ?? keyName) === keyName) throw sseError(this.failure);
    };
    this.service = {
      defaultKey: keys.defaultKey,
      generate: async (keyName, context) => {
        check(keyName);
        return keys.generate(undefined, context);
      },
      decrypt: async (keyName, ciphertext, context) => {
        check(keyName);
        return keys.decrypt("my-key", ciphertext, context);
      },
      createKey: async (keyName) => check(keyName),
      status: () => keys.status(),
      close: async () => {
        this.isClosed = true;
      },
    };
  }
}

describe("PatientKeyService", () => {
  let clock: SteppedClock;
  let failing: Failing;
  let patient: PatientKeyService;
  let outages: number[];

  beforeEach(() => {
    clock = new SteppedClock();
    failing = new Failing();
    outages = [];
    patient = new PatientKeyService(failing.service, clock, (ms) => outages.push(ms));
  });

  /** Lets the clock go on, step by step, until the call has ended. */
  async function ended<T>(
    call: Promise<T>,
    meanwhile: (nowMs: number) => void = () => undefined,
  ): Promise<{ readonly reason: string | undefined; readonly ms: number }> {
    const begun = clock.now();
    let reason: string | undefined;
    let isOver = false;
    const over = call.then(
      () => undefined,
      (error: unknown) => {
        reason = String(Reflect.get(Object(error), "reason") ?? error);
      },
    );
    over.finally(() => {
      isOver = true;
    });
    for (let steps = 0; steps < 1_000; steps++) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isOver) return { reason, ms: clock.now() - begun };
      clock.advance(50);
      meanwhile(clock.now() - begun);
    }
    throw new Error("the call goes on for ever");
  }

  it("waits for a key service that is started again, and tells of the outage", async () => {
    const dek = await patient.generate(undefined, {});
    failing.failure = "KMS_UNAVAILABLE";
    const back = (ms: number): void => {
      if (ms >= 4_000) failing.failure = undefined;
    };
    const { reason, ms } = await ended(patient.decrypt("my-key", dek.ciphertext, {}), back);
    expect(reason).to.equal(undefined);
    expect(ms).to.be.within(4_000, 4_500);
    expect(outages).to.have.length(1);
    expect(outages[0]).to.be.within(4_000, 4_500);
  });

  it("tells of an outage that lasts, and then at once", async () => {
    failing.failure = "KMS_UNAVAILABLE";
    const first = await ended(patient.generate(undefined, {}));
    expect(first.reason).to.equal("KMS_UNAVAILABLE");
    expect(first.ms).to.be.within(PATIENCE_MS, PATIENCE_MS + 500);
    const before = failing.calls;
    expect(await ended(patient.generate(undefined, {}))).to.deep.equal({ reason: "KMS_UNAVAILABLE", ms: 0 });
    expect(failing.calls - before).to.equal(1);
  });

  it("is as patient as before with the next outage", async () => {
    failing.failure = "KMS_UNAVAILABLE";
    await ended(patient.generate(undefined, {}));
    failing.failure = undefined;
    expect(await ended(patient.generate(undefined, {}))).to.deep.equal({ reason: undefined, ms: 0 });
    failing.failure = "KMS_UNAVAILABLE";
    expect((await ended(patient.generate(undefined, {}))).ms).to.be.at.least(PATIENCE_MS);
  });

  it("ends the wait for one key that cannot be had while others can", async () => {
    failing.failure = "KMS_UNAVAILABLE";
    failing.onlyFor = "lost";
    let others = 0;
    const result = await ended(patient.generate("lost", {}), () => {
      void patient.generate(undefined, {}).then(() => others++);
    });
    expect(result.reason).to.equal("KMS_UNAVAILABLE");
    expect(result.ms).to.be.within(PATIENCE_MS, PATIENCE_MS + 500);
    expect(others).to.be.greaterThan(100);
    expect(outages).to.deep.equal([]);
  });

  for (const failure of ["KMS_DENIED", "KMS_KEY_NOT_FOUND", "KMS_ALTERED", "KMS_FAILED"] as const) {
    it(`does not wait for ${failure}`, async () => {
      failing.failure = failure;
      expect(await ended(patient.generate(undefined, {}))).to.deep.equal({ reason: failure, ms: 0 });
      expect(failing.calls).to.equal(1);
    });
  }

  it("creates no key a second time", async () => {
    failing.failure = "KMS_UNAVAILABLE";
    expect((await ended(patient.createKey("new"))).reason).to.equal("KMS_UNAVAILABLE");
    expect(failing.calls).to.equal(1);
  });

  it("ends with its caller", async () => {
    failing.failure = "KMS_UNAVAILABLE";
    const controller = new AbortController();
    const { reason, ms } = await ended(
      patient.generate(undefined, {}, { signal: controller.signal }),
      (now) => {
        if (now >= 1_000) controller.abort(new Error("the client left"));
      },
    );
    expect(reason).to.equal("Error: the client left");
    expect(ms).to.equal(1_000);
    expect(clock.waiting).to.equal(0);
  });

  it("ends with the service", async () => {
    failing.failure = "KMS_UNAVAILABLE";
    const { reason, ms } = await ended(patient.generate(undefined, {}), (now) => {
      if (now === 1_000) void patient.close();
    });
    expect(reason).to.equal("KMS_UNAVAILABLE");
    expect(ms).to.equal(1_000);
    expect(failing.isClosed).to.equal(true);
  });
});
