import { expect } from "chai";
import { KesError } from "../../../src/errors.js";
import { abortable, type Call } from "../../../src/keystore/call.js";
import { causesOf, codeOf, errorOf } from "../../support/keystore.js";

const lost = () => Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
const refused = () => Promise.reject(Object.assign(new Error("EEXIST"), { code: "EEXIST" }));
const run = (task: (call: Call) => Promise<unknown>, signal?: AbortSignal) =>
  codeOf(abortable(signal, "the store", task));

describe("abortable", () => {
  it("gives the result, with and without a signal", async () => {
    expect(await abortable(undefined, "the store", async () => 1)).to.equal(1);
    expect(await abortable(new AbortController().signal, "the store", async () => 2)).to.equal(2);
  });

  it("makes what is not of the catalogue an outage that names the store", async () => {
    const error = await errorOf(abortable(undefined, "the store", lost));
    expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
    expect(causesOf(error)).to.contain("the store");
  });

  it("starts nothing when the signal was aborted before", async () => {
    let started = false;
    const task = async () => {
      started = true;
    };
    expect(await run(task, AbortSignal.abort())).to.equal("KEYSTORE_UNREACHABLE");
    expect(started).to.equal(false);
  });

  it("ends at once on an abort, and stops the task at its next step", async () => {
    const abort = new AbortController();
    let go = (): void => {};
    const hanging = new Promise<void>((resolve) => {
      go = resolve;
    });
    let committed = false;
    let stopped: unknown;
    const end = run(async (call) => {
      await hanging;
      await call
        .commit(async () => {
          committed = true;
        })
        .catch((cause: unknown) => {
          stopped = cause;
          throw cause;
        });
    }, abort.signal);
    abort.abort(new Error("deadline"));
    expect(await end).to.equal("KEYSTORE_UNREACHABLE");
    go();
    await new Promise(setImmediate);
    expect(stopped).to.have.property("code", "KEYSTORE_UNREACHABLE");
    expect(committed).to.equal(false);
  });

  it("leaves the outcome open when it is aborted in or after the change", async () => {
    for (const after of [false, true]) {
      const abort = new AbortController();
      const end = run(async (call) => {
        await call.commit(async () => {
          if (after) return;
          abort.abort();
          await new Promise(() => {});
        });
        abort.abort();
        await new Promise(() => {});
      }, abort.signal);
      expect(await end).to.equal("KEYSTORE_UNCERTAIN");
    }
  });

  it("knows nothing for certain about a change that failed half-way, unless it was refused", async () => {
    expect(await run((call) => call.commit(lost))).to.equal("KEYSTORE_UNCERTAIN");
    expect(await run((call) => call.commit(refused, { EEXIST: "KEY_EXISTS" }))).to.equal("KEY_EXISTS");
    expect(await run((call) => call.commit(refused).catch(lost))).to.equal("KEYSTORE_UNAVAILABLE");
  });

  it("lets no failure after the change claim that nothing was changed", async () => {
    for (const code of ["KEYSTORE_UNREACHABLE", "KEYSTORE_UNAVAILABLE", "KEY_NOT_FOUND"] as const) {
      const end = run(async (call) => {
        await call.commit(async () => {});
        throw new KesError(code);
      });
      expect(await end).to.equal("KEYSTORE_UNCERTAIN");
    }
  });

  it("leaves no listener behind", async () => {
    const abort = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = abort.signal;
    abort.signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners++;
      addEventListener.apply(abort.signal, args);
    };
    abort.signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners--;
      removeEventListener.apply(abort.signal, args);
    };
    await run(async () => {}, abort.signal);
    await run(lost, abort.signal);
    expect(listeners).to.equal(0);
  });
});
