/** The directory store when a step fails, or is the last one before a crash: each of them in turn. */
import { expect } from "chai";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { rebuildIndex } from "../../../../src/storage/store/rebuild.js";
import { changes, copyStore, inspect, prepare, type State } from "./changes.js";
import { endOf, faultyFileSystem, scratchFolders, systemError } from "./support.js";

describe("directory store under faults", function () {
  this.timeout(240_000);
  const scratch = scratchFolders();

  for (const [name, change] of Object.entries(changes)) {
    describe(name, () => {
      let prepared = "";
      let old: State;
      let changed: State;
      let steps: readonly string[] = [];

      /** A copy of the prepared folder. */
      function copied(from = prepared): string {
        return copyStore(from, scratch());
      }

      /** Runs the change, with `around` at each of its steps; steps of the start are not counted. */
      async function run(
        folder: string,
        around: (step: string, at: number, moment: "before" | "after") => void | Promise<void>,
      ): Promise<string> {
        let isActive = false;
        let count = 0;
        const hook = (moment: "before" | "after") => (step: string) => {
          if (!isActive) return;
          if (moment === "before") count++;
          return around(step, count, moment);
        };
        const [first, last] = [hook("before"), hook("after")];
        const describeCall = ({ name, path }: { name: string; path: string }) =>
          `${name} ${path.slice(folder.length)}`;
        const store = await DirectoryStore.open(folder, {
          system: faultyFileSystem({
            before: (call) => first(describeCall(call)),
            after: (call) => last(describeCall(call)),
          }),
          committer: async (commit) => {
            await first("commit");
            await commit();
            await last("commit");
          },
        });
        isActive = true;
        const end = await endOf(change.run(store));
        isActive = false;
        await store.close();
        return end;
      }

      before(async () => {
        prepared = scratch();
        old = await prepare(prepared, change);
        const seen: string[] = [];
        const done = copied();
        expect(
          await run(done, (step, _, moment) => {
            if (moment === "before") seen.push(step);
          }),
        ).to.equal("fulfilled");
        changed = await inspect(done, "after");
        steps = seen;
        expect(changed).to.not.deep.equal(old);
        expect(steps).to.include("commit");
      });

      for (const errno of ["EIO", "ENOSPC"]) {
        it(`tells the truth when any of its steps fails with ${errno}`, async () => {
          for (let failing = 1; failing <= steps.length; failing++) {
            const folder = copied();
            let what = "";
            const end = await run(folder, (step, at, moment) => {
              if (at !== failing || moment !== "before") return;
              what = `${errno} at ${failing}: ${step}`;
              throw systemError(errno);
            });
            const state = await inspect(folder, what);
            // Reads that fail are what closing and looking come to; what was done before is done all the same.
            const isDone = JSON.stringify(state) === JSON.stringify(changed);
            if (end === "fulfilled") expect(isDone, what).to.equal(true);
            else {
              expect(end, what).to.be.oneOf(errno === "EIO" ? ["INTERNAL"] : ["STORAGE_FULL"]);
              expect(state, what).to.be.deep.equal(old);
            }
          }
        });
      }

      it("leaves the old or the new, whatever step is the last before a crash", async () => {
        const ends = new Set<string>();
        // Behind a step is before the next one; only behind the last there is none.
        for (const moment of ["before", "after"]) {
          for (let last = moment === "before" ? 1 : steps.length; last <= steps.length; last++) {
            const folder = copied();
            let crashed: string | undefined;
            let what = "";
            await run(folder, (step, at, now) => {
              if (at !== last || now !== moment || crashed !== undefined) return;
              what = `crash ${moment} ${last}: ${step}`;
              crashed = copied(folder);
            });
            if (crashed === undefined) continue;
            for (const rebuilt of [false, true]) {
              const left = copied(crashed);
              if (rebuilt) {
                const { damages } = await rebuildIndex(left);
                // A record that was being written. Its content is kept until it is put aside.
                for (const { kind } of damages)
                  expect(kind, what).to.be.oneOf(["damaged-record", "unused-content"]);
                if (damages.length > 0) await rebuildIndex(left);
              }
              const state = await inspect(left, `${what}${rebuilt ? ", rebuilt" : ""}`);
              const text = JSON.stringify(state);
              ends.add(text === JSON.stringify(changed) ? "after" : "before");
              if (text !== JSON.stringify(changed)) expect(state, what).to.deep.equal(old);
            }
          }
        }
        expect([...ends].sort()).to.deep.equal(["after", "before"]);
      });
    });
  }
});
