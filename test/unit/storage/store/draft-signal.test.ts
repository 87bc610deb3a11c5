/** The signal of an upload may live longer than the upload: nothing of it must stay there. */
import { EventEmitter, getEventListeners } from "node:events";
import { expect } from "chai";
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { bytesOf, chunksOf, scratchFolders } from "./support.js";

describe("drafts of the directory store and the signal they are given", function () {
  this.timeout(60_000);
  const scratch = scratchFolders();

  it("leave no listener, whether they end, fail or are aborted", async () => {
    const store = await DirectoryStore.open(scratch());
    try {
      const controller = new AbortController();
      const { signal } = controller;
      EventEmitter.setMaxListeners(100, signal);
      const listeners = (): number => getEventListeners(signal, "abort").length;
      async function* failing(): AsyncGenerator<Uint8Array, void, undefined> {
        yield bytesOf(200_000);
        throw new Error("the source failed");
      }
      let most = 0;
      async function* watched(size: number): AsyncGenerator<Uint8Array, void, undefined> {
        most = Math.max(most, listeners());
        yield* chunksOf(bytesOf(size));
      }
      for (const size of [0, 10, 500_000]) await (await store.draft(watched(size), signal)).discard();
      const failed = await store.draft(failing(), signal).catch((error: unknown) => error);
      expect(failed).to.have.property("message", "the source failed");
      // That listeners are counted at all.
      expect([most, listeners()]).to.deep.equal([1, 0]);
      const reason = new Error("gone");
      const standing = store.draft(
        (async function* () {
          yield bytesOf(10);
          controller.abort(reason);
          await new Promise(() => undefined);
        })(),
        signal,
      );
      expect(await standing.catch((error: unknown) => error)).to.equal(reason);
      expect(listeners()).to.equal(0);
    } finally {
      await store.close();
    }
  });
});
