import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { contentOf, FileWatch } from "../../../src/server/file-watch.js";

describe("a watch over files", () => {
  let folder: string;
  const watches: FileWatch[] = [];
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-watch-"));
  });
  afterEach(async () => {
    for (const watch of watches.splice(0)) watch.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Looks only when the test says so. */
  async function watching(...names: readonly string[]) {
    const state = { changes: 0, names: [...names], known: new Map<string, string>() };
    const watch = new FileWatch({
      known: (paths) => state.known.get(paths.join()),
      paths: () => state.names.map((name) => join(folder, name)),
      changed: async () => {
        state.changes += 1;
      },
      everyMs: 3_600_000,
    });
    watches.push(watch);
    await watch.look();
    const looks = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i++) await watch.look();
      return state.changes;
    };
    return { state, looks };
  }
  const write = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);

  it("tells of a change once, when it has settled", async () => {
    await write("a", "1");
    const { looks } = await watching("a");
    expect(await looks(5)).to.equal(0);
    await write("a", "22");
    expect(await looks(1)).to.equal(0);
    await write("a", "333");
    expect(await looks(1)).to.equal(0);
    expect(await looks(1)).to.equal(1);
    expect(await looks(5)).to.equal(1);
  });

  it("takes a certificate and its key that come one after the other for one change", async () => {
    await Promise.all([write("key", "1"), write("crt", "1")]);
    const { looks } = await watching("key", "crt");
    await write("key", "22");
    await looks(1);
    await write("crt", "22");
    await looks(1);
    expect(await looks(4)).to.equal(1);
  });

  it("passes over what was touched, and over what came back to what it was", async () => {
    await write("a", "1");
    const { looks } = await watching("a");
    await utimes(join(folder, "a"), new Date(), new Date(1_000_000));
    expect(await looks(4)).to.equal(0);
    await rm(join(folder, "a"));
    await looks(1);
    await write("a", "1");
    expect(await looks(4)).to.equal(0);
  });

  it("sees files that come, go, are renamed over and are swapped behind a link", async () => {
    await mkdir(join(folder, "v1"));
    await mkdir(join(folder, "v2"));
    await Promise.all([write("v1/crt", "1"), write("v2/crt", "2"), write("a", "1"), write("new", "2")]);
    await symlink(join(folder, "v1"), join(folder, "data"));
    const { looks } = await watching("data/crt", "a", "later");
    await symlink(join(folder, "v2"), join(folder, "data.tmp"));
    await rename(join(folder, "data.tmp"), join(folder, "data"));
    expect(await looks(3)).to.equal(1);
    await rename(join(folder, "new"), join(folder, "a"));
    expect(await looks(3)).to.equal(2);
    await write("later", "1");
    expect(await looks(3)).to.equal(3);
    await rm(join(folder, "later"));
    expect(await looks(3)).to.equal(4);
  });

  it("sees what happens in a folder", async () => {
    await mkdir(join(folder, "ca"));
    await write("ca/one.pem", "1");
    const { looks } = await watching("ca");
    await write("ca/two.pem", "2");
    expect(await looks(3)).to.equal(1);
    await rm(join(folder, "ca/one.pem"));
    expect(await looks(3)).to.equal(2);
  });

  it("takes other paths for another configuration, not for a change", async () => {
    await Promise.all([write("a", "1"), write("b", "2")]);
    const { state, looks } = await watching("a");
    state.names.push("b");
    expect(await looks(3)).to.equal(0);
    await write("b", "33");
    expect(await looks(3)).to.equal(1);
    state.names.length = 0;
    expect(await looks(3)).to.equal(1);
  });

  it("tells of what has changed since another configuration was read, before the first look at its files", async () => {
    await Promise.all([write("a", "1"), write("b", "2")]);
    const { state, looks } = await watching("a");
    const paths = ["a", "b"].map((name) => join(folder, name));
    state.known.set(paths.join(), await contentOf(paths));
    await write("b", "33");
    state.names.push("b");
    expect(await looks(2)).to.equal(1);
    expect(await looks(3)).to.equal(1);
    // And of nothing when nothing has.
    state.known.set(join(folder, "b"), await contentOf([join(folder, "b")]));
    state.names.shift();
    expect(await looks(3)).to.equal(1);
  });

  it("knows nothing of files that changed while they were read, which makes for one look too many at most", async () => {
    const began = Date.now();
    await write("a", "1");
    const paths = [join(folder, "a")];
    expect(await contentOf(paths, began)).to.equal("");
    expect(await contentOf(paths, began + 3_600_000)).to.equal(await contentOf(paths));
    const { state, looks } = await watching();
    state.known.set(paths.join(), await contentOf(paths, began));
    state.names.push("a");
    expect(await looks(4)).to.equal(1);
  });
});
