/** The fs keystore when a system call fails, hangs or is the last one before a crash: each of them in turn. */
import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { Keystore } from "../../src/keystore/contract.js";
import { faultyFileSystem, type Hooks, type SystemCall, systemError } from "../support/faulty-file-system.js";
import { FakeTime, openFs } from "../support/fs-keystore.js";
import { causesOf, codeOf, errorOf, named, OUTAGE, scratchFolders } from "../support/keystore.js";

const KEY = named("key");
const OLD = Buffer.from("the old value");
const NEW = Buffer.from("the new value!");

/** A change, what is stored before it and what after it; undefined: nothing. */
interface Change {
  readonly from: Uint8Array | undefined;
  readonly to: Uint8Array | undefined;
  readonly run: (store: Keystore) => Promise<void>;
}

const changes: Readonly<Record<string, Change>> = {
  create: { from: undefined, to: NEW, run: (store) => store.create(KEY, NEW) },
  replace: { from: OLD, to: NEW, run: (store) => store.replace(KEY, OLD, NEW) },
  delete: { from: OLD, to: undefined, run: (store) => store.delete(KEY) },
};

describe("fs keystore under faults", () => {
  const scratch = scratchFolders();

  /** A folder with `from` in it. */
  async function prepared(change: Change): Promise<string> {
    const path = `${scratch()}/keys`;
    const { store } = await openFs(path);
    if (change.from) await store.create(KEY, change.from);
    await store.create(named("bystander"), OLD);
    await store.close();
    return path;
  }

  /** What is stored, as seen by a server that starts anew, with nothing wrong. */
  async function stored(path: string): Promise<Buffer | undefined> {
    const { store } = await openFs(path);
    try {
      const listed = (await store.list({ prefix: "", limit: 10 })).names;
      expect(Buffer.from(await store.get(named("bystander"))).equals(OLD)).to.equal(true);
      const end = await codeOf(store.get(KEY));
      expect(listed.includes(KEY), "listed exactly when it can be read").to.equal(end === "fulfilled");
      expect(end).to.be.oneOf(["fulfilled", "KEY_NOT_FOUND"]);
      return end === "fulfilled" ? Buffer.from(await store.get(KEY)) : undefined;
    } finally {
      await store.close();
    }
  }

  function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
    return a === undefined || b === undefined ? a === b : Buffer.from(a).equals(b);
  }

  /** Runs `change` with `hooks` active from its first system call on, numbered from 1. */
  async function run(path: string, change: Change, hooks: Hooks): Promise<{ end: string; calls: number }> {
    let base = 0;
    let calls = 0;
    let active = false;
    const shift = (hook: Hooks["before"]) => (call: SystemCall) => {
      calls = call.number - base;
      return active ? hook?.({ ...call, number: calls }) : undefined;
    };
    const system = faultyFileSystem({ before: shift(hooks.before), after: shift(hooks.after) });
    const { store } = await openFs(path, { system });
    await store.status();
    // The sweep of leftovers goes on in the background; its calls must not be taken for those of the change.
    for (let quiet = 0, seen = -1; quiet < 3; ) {
      quiet = seen === calls ? quiet + 1 : 0;
      seen = calls;
      await delay(1);
    }
    base = calls;
    active = true;
    const end = await codeOf(change.run(store));
    const made = calls;
    active = false;
    await store.close();
    return { end, calls: made };
  }

  for (const [method, change] of Object.entries(changes)) {
    describe(method, () => {
      let steps = 0;

      before(async () => {
        const path = await prepared(change);
        const { end, calls } = await run(path, change, {});
        expect(end).to.equal("fulfilled");
        expect(same(await stored(path), change.to)).to.equal(true);
        steps = calls;
        expect(steps).to.be.greaterThan(8);
      });

      for (const errno of ["EIO", "ENOSPC", "EMFILE", "EACCES", "EROFS", "ESTALE"]) {
        it(`tells the truth when any one of its system calls fails with ${errno}`, async () => {
          const ends = new Set<string>();
          for (let step = 1; step <= steps; step++) {
            const path = await prepared(change);
            const { end } = await run(path, change, {
              before: ({ number }) => {
                if (number === step) throw systemError(errno);
              },
            });
            const what = `${errno} at step ${step} of ${steps}: ${end}`;
            const is = await stored(path);
            ends.add(end);
            expect(end, what).to.be.oneOf([...OUTAGE, "KEYSTORE_UNCERTAIN", "fulfilled"]);
            if (end === "fulfilled") expect(same(is, change.to), what).to.equal(true);
            else if (end === "KEYSTORE_UNCERTAIN")
              expect(same(is, change.from) || same(is, change.to), what).to.equal(true);
            else expect(same(is, change.from), what).to.equal(true);
          }
          // Before the change, after it, and in the tidying up.
          expect([...ends]).to.include.members(["KEYSTORE_UNCERTAIN", "fulfilled"]);
          expect([...ends].some((end) => OUTAGE.some((code) => code === end))).to.equal(true);
        });
      }

      it("tells the truth when a system call was done but its answer was lost", async () => {
        for (let step = 1; step <= steps; step++) {
          const path = await prepared(change);
          const { end } = await run(path, change, {
            after: ({ number }) => {
              if (number === step) throw systemError("EIO");
            },
          });
          const is = await stored(path);
          const what = `step ${step}: ${end}`;
          if (end === "fulfilled") expect(same(is, change.to), what).to.equal(true);
          else if (end !== "KEYSTORE_UNCERTAIN") expect(same(is, change.from), what).to.equal(true);
          expect(end, what).to.be.oneOf([...OUTAGE, "KEYSTORE_UNCERTAIN", "fulfilled"]);
        }
      });

      for (const moment of ["before", "after"] as const) {
        it(`survives a crash ${moment} any one of its system calls`, async () => {
          let crashes = 0;
          for (let step = 1; step <= steps; step++) {
            const path = await prepared(change);
            let crashed = false;
            const { end } = await run(path, change, {
              before: ({ number }) => {
                if (number === step && moment === "before") crashed = true;
                if (crashed) throw systemError("EIO");
              },
              after: ({ number }) => {
                if (number === step && moment === "after") crashed = true;
                if (crashed) throw systemError("EIO");
              },
            });
            const what = `crash ${moment} step ${step}: ${end}`;
            const is = await stored(path);
            expect(same(is, change.from) || same(is, change.to), what).to.equal(true);
            if (end === "fulfilled") expect(same(is, change.to), what).to.equal(true);
            else crashes++;

            // The next server can change the key, whatever the crashed one has left, and cleans up later.
            const env = new FakeTime();
            const { store } = await openFs(path, { env });
            if (is) await store.replace(KEY, is, Buffer.from("later"));
            else await store.create(KEY, Buffer.from("later"));
            await store.delete(KEY);
            await store.close();
            env.pass(2 * 60 * 60 * 1000);
            const { store: last, warnings } = await openFs(path, { env });
            await settled(path, 1);
            await last.close();
            expect(readdirSync(path), what).to.deep.equal(["bystander"]);
            expect(warnings, what).to.deep.equal([]);
          }
          expect(crashes).to.be.greaterThan(steps / 2);
        });
      }
    });
  }

  /** Waits until the sweep in the background has left `count` entries. */
  async function settled(path: string, count: number): Promise<void> {
    for (const end = performance.now() + 5_000; performance.now() < end; ) {
      if (readdirSync(path).length === count) return;
      await new Promise(setImmediate);
    }
  }

  describe("a power loss", () => {
    const visible: Readonly<Record<string, string>> = { create: "link", replace: "rename", delete: "unlink" };
    for (const [method, change] of Object.entries(changes)) {
      it(`cannot undo an acknowledged ${method}, nor publish what is not on disk`, async () => {
        const path = await prepared(change);
        const trace: string[] = [];
        const { end } = await run(path, change, {
          // Renaming the prepared lock into its place publishes nothing.
          after: ({ name, path: at }) => {
            const publishes = name === visible[method] && (method !== "delete" || at.endsWith("/key"));
            if (publishes && !(name === "rename" && !at.includes("lock-"))) trace.push("publish");
            else if (name === "write" || name === "fsync") trace.push(name);
          },
        });
        expect(end).to.equal("fulfilled");
        // The value is on disk before it can be seen, the folder before the acknowledgement.
        expect(trace).to.deep.equal(["write", "fsync", "publish", "fsync"]);
      });
    }
  });

  it("does not delete a healthy key when a create finds no free descriptor", async () => {
    const path = await prepared(changes.delete ?? expect.fail());
    let starved = false;
    const system = faultyFileSystem({
      before: ({ name }) => {
        if (starved && (name === "open" || name === "entries")) throw systemError("EMFILE");
      },
    });
    const { store } = await openFs(path, { system });
    starved = true;
    expect(await codeOf(store.create(KEY, NEW))).to.equal("KEY_EXISTS");
    const error = await errorOf(store.create(named("fresh"), NEW));
    expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
    expect(causesOf(error)).to.contain("too many open files").and.to.contain(path);
    starved = false;
    expect(Buffer.from(await store.get(KEY)).equals(OLD)).to.equal(true);
    expect(await codeOf(store.get(named("fresh")))).to.equal("KEY_NOT_FOUND");
    await store.close();
  });

  it("does not commit a replace whose lock was taken away while it slept", async () => {
    const path = await prepared(changes.replace ?? expect.fail());
    let wake = (): void => {};
    let asleep = (): void => {};
    const sleeping = new Promise<void>((resolve) => {
      asleep = resolve;
    });
    const woken = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const slow = await openFs(path, {
      system: faultyFileSystem({
        async before({ name, path: from }) {
          if (name !== "rename" || !from.includes("lock-")) return;
          asleep();
          await woken;
        },
      }),
    });
    const late = codeOf(slow.store.replace(KEY, OLD, Buffer.from("from the past")));
    await sleeping;
    const quick = await openFs(path);
    await quick.store.replace(KEY, OLD, NEW);
    await quick.store.replace(KEY, NEW, OLD);
    wake();
    expect(await late).to.equal("KEYSTORE_UNAVAILABLE");
    expect(Buffer.from(await quick.store.get(KEY)).equals(OLD)).to.equal(true);
    await slow.store.close();
    await quick.store.close();
    expect(readdirSync(path).sort()).to.deep.equal(["bystander", "key"]);
  });

  it("reports a delete whose lock was taken away as uncertain", async () => {
    const path = await prepared(changes.delete ?? expect.fail());
    const other = await openFs(path);
    const slow = await openFs(path, {
      system: faultyFileSystem({
        async before({ name, path: file }) {
          if (name === "unlink" && file.endsWith("/key")) await other.store.replace(KEY, OLD, NEW);
        },
      }),
    });
    expect(await codeOf(slow.store.delete(KEY))).to.equal("KEYSTORE_UNCERTAIN");
    await slow.store.close();
    await other.store.close();
  });

  it("takes the answer EEXIST for its own link when a network file system asked twice", async () => {
    const path = await prepared(changes.create ?? expect.fail());
    let armed = false;
    const system = faultyFileSystem({
      after: ({ name }) => {
        if (armed && name === "link") throw systemError("EEXIST");
      },
    });
    const { store } = await openFs(path, { system });
    armed = true;
    await store.create(KEY, NEW);
    expect(Buffer.from(await store.get(KEY)).equals(NEW)).to.equal(true);
    await store.close();
  });

  it("opens at most 128 files at a time and serves all the same", async () => {
    const path = await prepared(changes.delete ?? expect.fail());
    let openNow = 0;
    let most = 0;
    const { store } = await openFs(path, {
      system: faultyFileSystem({
        before: ({ name }) => {
          if (name === "open") most = Math.max(most, ++openNow);
          if (name === "close") openNow--;
        },
      }),
    });
    openNow = most = 0;
    const got = await Promise.all(Array.from({ length: 1000 }, () => store.get(KEY)));
    expect(got.every((value) => Buffer.from(value).equals(OLD))).to.equal(true);
    expect(most).to.be.within(2, 128);
    await store.close();
  });

  describe("a disk that hangs", () => {
    for (const [method, change] of Object.entries(changes)) {
      it(`lets an aborted ${method} go at once, at any step, and never says too much`, async () => {
        const path = await prepared(change);
        const { calls } = await run(path, change, {});
        for (let step = 1; step <= calls; step++) {
          const place = await prepared(change);
          const abort = new AbortController();
          let go = (): void => {};
          const released = new Promise<void>((resolve) => {
            go = resolve;
          });
          let base = Number.POSITIVE_INFINITY;
          let seen = 0;
          const { store } = await openFs(place, {
            system: faultyFileSystem({
              async before({ number }) {
                seen = number;
                if (number !== base + step) return;
                abort.abort(new Error("deadline"));
                await released;
              },
            }),
          });
          await store.status();
          base = seen;
          const run = {
            create: () => store.create(KEY, NEW, abort.signal),
            replace: () => store.replace(KEY, OLD, NEW, abort.signal),
            delete: () => store.delete(KEY, abort.signal),
          }[method];
          const end = await codeOf(run?.() ?? Promise.reject(new Error(method)));
          expect(end).to.be.oneOf(["KEYSTORE_UNREACHABLE", "KEYSTORE_UNCERTAIN"]);
          // The disk answers after all; what was called unchanged must stay so.
          go();
          await store.close();
          const is = await stored(place);
          if (end === "KEYSTORE_UNREACHABLE") expect(same(is, change.from), `step ${step}`).to.equal(true);
          else expect(same(is, change.from) || same(is, change.to), `step ${step}`).to.equal(true);
        }
      });
    }
  });
});
