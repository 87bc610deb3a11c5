/** The directory store after a power loss at any step: everything that was not synced may be gone, or not. */
import { expect } from "chai";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { rebuildIndex } from "../../../../src/storage/store/rebuild.js";
import { changes, copyStore, inspect, prepare } from "./changes.js";
import { type Luck, PowerLossFileSystem } from "./power-loss.js";
import { endOf, scratchFolders } from "./support.js";

/** What a power loss leaves of what was not synced: nothing, all, or the one and not the other. */
const lucks: Readonly<Record<string, () => Luck>> = {
  "nothing unsynced": () => () => false,
  "everything unsynced": () => () => true,
  "every second thing": () => {
    let turn = 0;
    return () => turn++ % 2 === 0;
  },
};

describe("directory store after a power loss", function () {
  this.timeout(240_000);
  const scratch = scratchFolders();

  for (const [name, change] of Object.entries(changes)) {
    it(`has the old or the new: ${name}`, async () => {
      const prepared = scratch();
      const old = await prepare(prepared, change);
      const folder = copyStore(prepared, scratch());
      const left: { readonly path: string; readonly what: string; readonly isAcknowledged: boolean }[] = [];
      let isActive = false;
      let isAcknowledged = false;
      let step = 0;
      const lose = (): void => {
        if (!isActive) return;
        step++;
        for (const [what, luck] of Object.entries(lucks)) {
          const path = scratch();
          system.lose(path, luck());
          left.push({ path, what: `at ${step}, with ${what}`, isAcknowledged });
        }
      };
      const system = new PowerLossFileSystem(folder, lose);
      const store = await DirectoryStore.open(folder, {
        system,
        committer: async (commit) => {
          lose();
          await commit();
          lose();
        },
      });
      isActive = true;
      expect(await endOf(change.run(store))).to.equal("fulfilled");
      isAcknowledged = true;
      lose();
      isActive = false;
      await store.close();
      const changed = await inspect(folder, "after");
      expect(changed).to.not.deep.equal(old);

      expect(left.length).to.be.greaterThan(12);
      for (const { path, what, isAcknowledged: mustBeNew } of left) {
        const rebuilt = copyStore(path, scratch());
        for (const [at, place] of [path, rebuilt].entries()) {
          if (at === 1) {
            const { damages } = await rebuildIndex(place);
            for (const { kind } of damages)
              expect(kind, what).to.be.oneOf(["damaged-record", "unused-content"]);
            if (damages.length > 0) await rebuildIndex(place);
          }
          const state = await inspect(place, `${what}${at === 1 ? ", rebuilt" : ""}`);
          const isNew = JSON.stringify(state) === JSON.stringify(changed);
          if (!isNew) expect(state, what).to.deep.equal(old);
          if (mustBeNew) expect(isNew, `${what}, acknowledged`).to.equal(true);
        }
      }
    });
  }
});
