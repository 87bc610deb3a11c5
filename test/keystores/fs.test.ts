/** The fs keystore on real folders: the contract, KES's layout, and what an operator may do to a folder. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname } from "node:path";
import { expect } from "chai";
import { adapter } from "../../keystores/fs/index.js";
import { type FileSystem, nodeFileSystem } from "../../keystores/fs/system.js";
import { keystores } from "../../keystores/registry.js";
import { type Keystore, MAX_VALUE_BYTES } from "../../src/keystore/contract.js";
import { faultyFileSystem, systemError } from "../support/faulty-file-system.js";
import { FaultyKeystore } from "../support/faulty-keystore.js";
import { FakeTime, openFs } from "../support/fs-keystore.js";
import { causesOf, codeOf, errorOf, named, OUTAGE, scratchFolders } from "../support/keystore.js";
import { keystoreConformance } from "./conformance.js";

const KEY = named("key");
const VALUE = Buffer.from("the value of a key");
const ALL = { prefix: "", limit: 100 };

/** Without the entries of /proc names go by the path, as on other systems than Linux. */
const withoutProc = faultyFileSystem({
  before: ({ path }) => {
    if (path.startsWith("/proc/")) throw systemError("ENOENT");
  },
});

/** A folder in which names that differ in case only are one file, as on macOS. */
function ignoringCase(): FileSystem {
  const lower = (path: string): string =>
    path.startsWith("/proc/") ? `${dirname(path)}/${basename(path).toLowerCase()}` : path;
  // The real folder keeps what was written in lower case; `spelling` remembers how it was spelt.
  const spelling = new Map<string, string>();
  return {
    ...nodeFileSystem,
    open: (path, flags, mode) => nodeFileSystem.open(lower(path), flags, mode),
    lstat: (path) => nodeFileSystem.lstat(lower(path)),
    unlink: (path) => nodeFileSystem.unlink(lower(path)),
    async link(from, to) {
      await nodeFileSystem.link(lower(from), lower(to));
      spelling.set(basename(to).toLowerCase(), basename(to));
    },
    async *entries(path) {
      for await (const entry of nodeFileSystem.entries(path)) {
        entry.name = spelling.get(entry.name) ?? entry.name;
        yield entry;
      }
    },
  };
}

describe("fs keystore", () => {
  const scratch = scratchFolders();
  const places = new WeakMap<Keystore, string>();
  const folder = (): string => `${scratch()}/keys`;

  async function place(path: string, system?: FileSystem): Promise<Keystore> {
    const { store } = await openFs(path, system ? { system } : {});
    places.set(store, path);
    return store;
  }

  function placeOf(store: Keystore): string {
    return places.get(store) ?? expect.fail("not opened here");
  }

  async function outage(store: Keystore): Promise<() => Promise<void>> {
    const path = placeOf(store);
    renameSync(path, `${path}-away`);
    return async () => renameSync(`${path}-away`, path);
  }

  keystoreConformance("fs", () => place(folder()), { second: (first) => place(placeOf(first)), outage });
  keystoreConformance("fs by path", () => place(folder(), withoutProc), {
    second: (first) => place(placeOf(first), withoutProc),
    outage,
  });
  keystoreConformance(
    "faulty keystore without a script, over fs",
    async () => new FaultyKeystore(await place(folder())),
  );

  it("is in the registry and opens from its section of the configuration", async () => {
    const path = folder();
    const loaded = await keystores.fs();
    expect(loaded.adapter.schema).to.deep.equal(adapter.schema);
    const store = await loaded.adapter.open({ path }, { warn: () => {} });
    await store.create(KEY, VALUE);
    expect(store.description).to.equal(`Filesystem: ${path}`);
    await store.close();
  });

  describe("layout", () => {
    it("makes missing folders for their owner alone, and keys likewise", async () => {
      const path = `${scratch()}/some/where/keys`;
      const { store, warnings } = await openFs(path);
      await store.create(KEY, VALUE);
      await store.replace(KEY, VALUE, Buffer.from("next"));
      for (const made of [path, dirname(path), dirname(dirname(path))])
        expect(statSync(made).mode & 0o777).to.equal(0o700);
      expect(statSync(`${path}/key`).mode & 0o777).to.equal(0o600);
      expect(warnings).to.deep.equal([]);
      await store.close();
    });

    it("keeps nothing but the value in a file of the key's name", async () => {
      const path = folder();
      const { store } = await openFs(path);
      await store.create(named("a"), VALUE);
      await store.create(named("b"), VALUE);
      await store.create(named("c"), VALUE);
      await store.replace(named("b"), VALUE, Buffer.from("next"));
      await store.delete(named("c"));
      expect(readdirSync(path).sort()).to.deep.equal(["a", "b"]);
      expect(readFileSync(`${path}/a`).equals(VALUE)).to.equal(true);
      expect(readFileSync(`${path}/b`, "utf8")).to.equal("next");
      expect(statSync(`${path}/a`).nlink).to.equal(1);
      await store.close();
    });

    it("works on a folder that KES has made, in KES's modes", async () => {
      const path = folder();
      const kesValue = Buffer.from(Buffer.alloc(156, 7).toString("base64"));
      mkdirSync(path, { mode: 0o755 });
      chmodSync(path, 0o755);
      for (const name of ["minio-default-key", "My_Key-1"])
        writeFileSync(`${path}/${name}`, kesValue, { flag: "wx", mode: 0o600 });
      const { store, warnings } = await openFs(path);
      expect((await store.list(ALL)).names).to.deep.equal(["My_Key-1", "minio-default-key"]);
      expect(Buffer.from(await store.get(named("My_Key-1"))).equals(kesValue)).to.equal(true);
      expect(await codeOf(store.create(named("My_Key-1"), VALUE))).to.equal("KEY_EXISTS");
      await store.delete(named("My_Key-1"));
      expect(readdirSync(path)).to.deep.equal(["minio-default-key"]);
      expect(statSync(path).mode & 0o777).to.equal(0o755);
      expect(warnings).to.have.length(1);
      expect(warnings[0]).to.contain("can be read by other users").and.to.contain(path);
      await store.close();
    });

    it("warns of a folder that others can change, and of a key that others can read", async () => {
      const path = folder();
      mkdirSync(path);
      chmodSync(path, 0o770);
      writeFileSync(`${path}/key`, VALUE);
      chmodSync(`${path}/key`, 0o644);
      const { store, warnings } = await openFs(path);
      await store.get(KEY);
      await store.get(KEY);
      expect(warnings).to.have.length(2);
      expect(warnings[0]).to.contain("can be changed by other users");
      expect(warnings[1]).to.contain('"key" can be read by other users');
      await store.close();
    });
  });

  describe("a folder that is not what it was", () => {
    const ways: Readonly<Record<string, (path: string) => void>> = {
      removed: (path) => rmSync(path, { recursive: true }),
      "renamed away": (path) => renameSync(path, `${path}-away`),
      "replaced by an empty one": (path) => {
        renameSync(path, `${path}-away`);
        mkdirSync(path);
      },
      "replaced by a copy": (path) => {
        renameSync(path, `${path}-away`);
        mkdirSync(path);
        writeFileSync(`${path}/key`, "another value", { mode: 0o600 });
      },
      "replaced by a file": (path) => {
        renameSync(path, `${path}-away`);
        writeFileSync(path, "");
      },
      "replaced by a symbolic link to another": (path) => {
        renameSync(path, `${path}-away`);
        mkdirSync(`${path}-other`);
        symlinkSync(`${path}-other`, path);
      },
    };
    for (const [way, act] of Object.entries(ways)) {
      for (const [how, system] of [
        ["held open", nodeFileSystem],
        ["by path", withoutProc],
      ] as const) {
        it(`is an outage when it was ${way} (${how})`, async () => {
          const path = folder();
          const { store } = await openFs(path, { system });
          await store.create(KEY, VALUE);
          act(path);
          const calls: Readonly<Record<string, () => Promise<unknown>>> = {
            status: () => store.status(),
            get: () => store.get(KEY),
            missing: () => store.get(named("none")),
            list: () => store.list(ALL),
            create: () => store.create(named("new"), VALUE),
            exists: () => store.create(KEY, VALUE),
            replace: () => store.replace(KEY, VALUE, VALUE),
            delete: () => store.delete(KEY),
          };
          for (const [what, call] of Object.entries(calls)) {
            const error = await errorOf(call());
            expect(error, what).to.have.property("code", "KEYSTORE_UNREACHABLE");
            expect(causesOf(error), what).to.match(/key folder .* (is gone|was replaced|does not exist)/);
          }
          for (const each of [`${path}-away`, `${path}-other`, path])
            expect(existsSync(`${each}/new`), `${each}/new`).to.equal(false);
          if (existsSync(`${path}-away`))
            expect(readFileSync(`${path}-away/key`).equals(VALUE)).to.equal(true);
          await store.close();
        });
      }
    }

    it("does not acknowledge a create when the folder is replaced in its course", async () => {
      const path = folder();
      const system = faultyFileSystem({
        after: ({ name, path: from }) => {
          if (name !== "link" || !existsSync(`${path}/armed`)) return;
          expect(from).to.contain(".keswick-");
          renameSync(path, `${path}-away`);
          mkdirSync(path);
        },
      });
      const { store } = await openFs(path, { system });
      writeFileSync(`${path}/armed`, "x", { mode: 0o600 });
      expect(await codeOf(store.create(KEY, VALUE))).to.equal("KEYSTORE_UNCERTAIN");
      await store.close();
    });

    it("is opened through a symbolic link, and noticed when the link leads elsewhere", async () => {
      const base = scratch();
      mkdirSync(`${base}/one`, { mode: 0o700 });
      mkdirSync(`${base}/two`, { mode: 0o700 });
      symlinkSync("one", `${base}/keys`);
      const { store } = await openFs(`${base}/keys`);
      await store.create(KEY, VALUE);
      expect(existsSync(`${base}/one/key`)).to.equal(true);
      rmSync(`${base}/keys`);
      symlinkSync("two", `${base}/keys`);
      expect(await codeOf(store.get(KEY))).to.equal("KEYSTORE_UNREACHABLE");
      await store.close();
    });

    it("is an outage when it cannot be made", async function () {
      if (!existsSync("/proc/self")) return this.skip();
      expect(await errorOf(openFs("/proc/keswick/keys"))).to.have.property("code", "KEYSTORE_UNREACHABLE");
    });

    it("cannot be a file, nor below one, and the error names the option", async () => {
      const base = scratch();
      writeFileSync(`${base}/file`, "");
      for (const path of [`${base}/file`, `${base}/file/below`]) {
        const error = await errorOf(openFs(path));
        expect(causesOf(error)).to.match(/^path: .*is not a directory/);
      }
    });
  });

  describe("entries that are no keys", () => {
    it("leaves strange ones alone, reports each once, and names only so many", async () => {
      const path = folder();
      const { store, warnings } = await openFs(path);
      await store.create(KEY, VALUE);
      const strange = [
        ".hidden",
        "key.bak",
        "key~",
        "-a",
        "with space",
        "new\nline",
        "ümlaut",
        "x".repeat(81),
      ];
      for (const name of strange) writeFileSync(`${path}/${name}`, "x");
      mkdirSync(`${path}/lost-and-found`);
      symlinkSync("/etc/passwd", `${path}/link`);
      execFileSync("mkfifo", [`${path}/pipe`]);
      for (let round = 0; round < 3; round++)
        expect(await store.list(ALL)).to.deep.equal({ names: ["key"], more: false });
      expect(warnings).to.have.length(strange.length + 3);
      expect(warnings.join("\n")).to.contain('"new\\nline"').and.to.contain('"link" is a symbolic link');
      for (let i = 0; i < 300; i++) writeFileSync(`${path}/.more-${i}`, "");
      await store.list(ALL);
      expect(warnings).to.have.length(101);
      expect(warnings.at(-1)).to.contain("more strange entries");
      expect(readdirSync(path)).to.have.length(1 + strange.length + 3 + 300);
      await store.close();
    });

    it("reports strange ones at the start, too", async () => {
      const path = folder();
      mkdirSync(path, { mode: 0o700 });
      writeFileSync(`${path}/key.bak`, "x");
      const { store, warnings } = await openFs(path);
      for (const end = performance.now() + 5_000; warnings.length === 0 && performance.now() < end; )
        await new Promise(setImmediate);
      expect(warnings).to.have.length(1);
      await store.close();
    });

    const strange: Readonly<Record<string, (path: string, outside: string) => void>> = {
      "a symbolic link out of the folder": (path, outside) => symlinkSync(outside, path),
      "a dangling symbolic link": (path, outside) => symlinkSync(`${outside}-none`, path),
      "a folder": (path) => mkdirSync(path),
      "a pipe": (path) => void execFileSync("mkfifo", [path]),
    };
    for (const [what, make] of Object.entries(strange)) {
      it(`neither reads nor removes nor replaces ${what}, and it takes up the name`, async () => {
        const path = folder();
        const { store } = await openFs(path);
        const outside = `${scratch()}/outside`;
        writeFileSync(outside, VALUE);
        make(`${path}/key`, outside);
        expect(await codeOf(store.get(KEY))).to.be.oneOf(OUTAGE);
        expect(await codeOf(store.delete(KEY))).to.be.oneOf(OUTAGE);
        expect(await codeOf(store.replace(KEY, VALUE, VALUE))).to.be.oneOf(OUTAGE);
        expect(await codeOf(store.create(KEY, VALUE))).to.equal("KEY_EXISTS");
        expect((await store.list(ALL)).names).to.deep.equal([]);
        expect(readdirSync(path)).to.deep.equal(["key"]);
        expect(readFileSync(outside).equals(VALUE)).to.equal(true);
        await store.close();
      });
    }

    it("serves neither an empty file nor one that is too large, and says why", async () => {
      const path = folder();
      const { store } = await openFs(path);
      writeFileSync(`${path}/empty`, "", { mode: 0o600 });
      writeFileSync(`${path}/largest`, Buffer.alloc(MAX_VALUE_BYTES, 1), { mode: 0o600 });
      writeFileSync(`${path}/larger`, Buffer.alloc(MAX_VALUE_BYTES + 1, 1), { mode: 0o600 });
      const empty = await errorOf(store.get(named("empty")));
      expect(empty).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(empty)).to.contain("the key file is empty");
      expect(await store.get(named("largest"))).to.have.length(MAX_VALUE_BYTES);
      const larger = await errorOf(store.get(named("larger")));
      expect(larger).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(larger)).to.contain("larger than");
      await store.close();
    });

    it("removes its own leftovers when they are older than an hour, and nothing else", async () => {
      const path = folder();
      const env = new FakeTime();
      const id = "0b2bd1ba-6f3c-4e8a-9d2c-3c1f0e5a7b11";
      const young = "7d0f2f0e-52a5-4a0e-8a55-3d8f4e2b6c22";
      mkdirSync(`${path}/.keswick-lock-key`, { recursive: true, mode: 0o700 });
      writeFileSync(`${path}/.keswick-lock-key/${id}`, VALUE);
      mkdirSync(`${path}/.keswick-${id.replace("0b", "1c")}`);
      writeFileSync(`${path}/.keswick-${id.replace("0b", "1c")}/${id.replace("0b", "1c")}`, VALUE);
      const foreign = [".keswick-notes", `.keswick-${id}.bak`, ".nfs0001", `.${id}`];
      for (const name of [`.keswick-${id}`, ...foreign, "key"])
        writeFileSync(`${path}/${name}`, VALUE, { mode: 0o600 });
      const old = new Date(env.wallClock() - 61 * 60 * 1000);
      for (const name of readdirSync(path)) utimesSync(`${path}/${name}`, old, old);
      writeFileSync(`${path}/.keswick-${young}`, VALUE);
      const { store } = await openFs(path, { env });
      const expected = [...foreign, `.keswick-${young}`, "key"].sort();
      for (const end = performance.now() + 5_000; performance.now() < end; ) {
        if (readdirSync(path).length <= expected.length) break;
        await new Promise(setImmediate);
      }
      expect(readdirSync(path).sort()).to.deep.equal(expected);
      await store.close();
    });
  });

  describe("listing of a folder at rest", () => {
    const names = Array.from({ length: 20 }, (_, i) => named(`key-${String(i).padStart(2, "0")}`));

    /** An open folder of 20 keys that has not changed for a while, by the keystore's clock. */
    async function atRest(): Promise<{ path: string; store: Keystore; readings: () => number }> {
      const path = folder();
      mkdirSync(path, { mode: 0o700 });
      for (const name of names) writeFileSync(`${path}/${name}`, VALUE, { mode: 0o600 });
      let readings = 0;
      const env = new FakeTime();
      env.pass(60_000);
      const system = faultyFileSystem({
        before: ({ name }) => {
          if (name === "entries") readings++;
        },
      });
      const { store } = await openFs(path, { system, env });
      await store.list({ prefix: "nothing", limit: 1 });
      readings = 0;
      return { path, store, readings: () => readings };
    }

    /** Resolves when a change of the folder at `path` would get another time than its last one. */
    async function tick(path: string): Promise<void> {
      const { ctimeMs } = statSync(path);
      const probe = `${dirname(path)}/probe`;
      for (const end = performance.now() + 5_000; performance.now() < end; ) {
        writeFileSync(probe, "");
        if (statSync(probe).ctimeMs > ctimeMs) return;
        await new Promise(setImmediate);
      }
      expect.fail("the clock of the file system stands still");
    }

    it("reads the folder once for many pages", async () => {
      const { store, readings } = await atRest();
      const got: string[] = [];
      for (let after = ""; ; after = got.at(-1) ?? expect.fail()) {
        const page = await store.list({ prefix: "", after, limit: 3 });
        got.push(...page.names);
        if (!page.more) break;
      }
      expect(got).to.deep.equal(names);
      expect(readings()).to.equal(1);
      expect((await store.list({ prefix: "", after: "key-05", limit: 1 })).names).to.deep.equal(["key-06"]);
      expect(readings()).to.equal(1);
      expect((await store.list({ prefix: "key-1", after: "key-05", limit: 1 })).names).to.deep.equal([
        "key-10",
      ]);
      expect((await store.list({ prefix: "", limit: 1 })).names).to.deep.equal(["key-00"]);
      expect(readings()).to.equal(3);
      await store.close();
    });

    it("shows changes at once, its own and those of others", async () => {
      const { path, store } = await atRest();
      const page = async (after: string) => (await store.list({ prefix: "", after, limit: 2 })).names;
      expect(await page("key-03")).to.deep.equal(["key-04", "key-05"]);
      await tick(path);
      await store.create(named("key-04-a"), VALUE);
      expect(await page("key-03")).to.deep.equal(["key-04", "key-04-a"]);
      await tick(path);
      rmSync(`${path}/key-04-a`);
      expect(await page("key-03")).to.deep.equal(["key-04", "key-05"]);
      await tick(path);
      await store.delete(named("key-05"));
      expect(await page("key-03")).to.deep.equal(["key-04", "key-06"]);
      await store.close();
    });

    it("trusts no folder that changed just now", async () => {
      const { path, store } = await atRest();
      await store.close();
      const fresh = await openFs(path);
      for (let i = 0; i < 20; i++) {
        await fresh.store.create(named(`new-${i}`), VALUE);
        const page = await fresh.store.list({ prefix: "new-", limit: 100 });
        expect(page.names).to.have.length(i + 1);
      }
      await fresh.store.close();
    });
  });

  describe("a file system that ignores case", () => {
    it("does not pass one key for another", async () => {
      const path = folder();
      const { store, warnings } = await openFs(path, { system: ignoringCase() });
      expect(warnings.join()).to.contain("ignores the case");
      await store.create(named("Key"), VALUE);
      expect(Buffer.from(await store.get(named("Key"))).equals(VALUE)).to.equal(true);
      expect(await codeOf(store.get(KEY))).to.equal("KEY_NOT_FOUND");
      expect(await codeOf(store.delete(KEY))).to.equal("KEY_NOT_FOUND");
      expect(await codeOf(store.create(KEY, VALUE))).to.equal("KEY_EXISTS");
      expect(existsSync(`${path}/key`)).to.equal(true);
      await store.close();
    });
  });

  describe("a file system without hard links", () => {
    for (const errno of ["EPERM", "EOPNOTSUPP", "ENOSYS"]) {
      it(`is refused at the start, with the option to mend (${errno})`, async () => {
        const path = folder();
        const system = faultyFileSystem({
          before: ({ name }) => {
            if (name === "link") throw systemError(errno);
          },
        });
        expect(causesOf(await errorOf(openFs(path, { system })))).to.match(/^path: .*without hard links/);
        expect(readdirSync(path)).to.deep.equal([]);
      });
    }
  });

  describe("a file system of its own", () => {
    let mount = "";
    beforeEach(function () {
      mount = scratch();
      try {
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k,mode=700", "none", mount], { stdio: "pipe" });
      } catch {
        console.log("      skipped: mounting a tmpfs is not permitted here");
        mount = "";
        this.skip();
      }
    });
    afterEach(() => {
      if (mount !== "" && statSync(mount).dev !== statSync(dirname(mount)).dev)
        execFileSync("umount", ["-l", mount], { stdio: "pipe" });
    });

    it("that is full is an outage for creates, and serves what it has", async () => {
      const { store } = await openFs(mount);
      await store.create(KEY, VALUE);
      const large = Buffer.alloc(MAX_VALUE_BYTES, 1);
      let made = 0;
      let error: unknown;
      for (; error === undefined && made < 100; made++)
        error = await store.create(named(`large-${made}`), large).then(
          () => undefined,
          (cause: unknown) => cause,
        );
      expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(error)).to.contain("no space left: free space");
      expect(readdirSync(mount)).to.have.length(made);
      expect(Buffer.from(await store.get(KEY)).equals(VALUE)).to.equal(true);
      expect(await codeOf(store.create(KEY, VALUE))).to.equal("KEY_EXISTS");
      expect(await codeOf(store.get(named(`large-${made - 1}`)))).to.equal("KEY_NOT_FOUND");
      await store.delete(named("large-0"));
      await store.create(named(`large-${made}`), large);
      await store.close();
    });

    it("that is read-only serves, refuses creates, and can be opened", async () => {
      const first = await openFs(mount);
      await first.store.create(KEY, VALUE);
      execFileSync("mount", ["-o", "remount,ro", mount]);
      const second = await openFs(mount);
      expect(second.warnings.join()).to.contain("cannot be written");
      for (const { store } of [first, second]) {
        expect(Buffer.from(await store.get(KEY)).equals(VALUE)).to.equal(true);
        const error = await errorOf(store.create(named("new"), VALUE));
        expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
        expect(causesOf(error)).to.contain("mounted read-only");
        expect(await codeOf(store.delete(KEY))).to.equal("KEYSTORE_UNAVAILABLE");
        await store.status();
        await store.close();
      }
    });

    it("that is unmounted is an outage, and nothing is written below the mount point", async () => {
      const { store } = await openFs(mount);
      await store.create(KEY, VALUE);
      execFileSync("umount", ["-l", mount]);
      expect(await codeOf(store.get(KEY))).to.equal("KEYSTORE_UNREACHABLE");
      expect(await codeOf(store.get(named("none")))).to.equal("KEYSTORE_UNREACHABLE");
      expect(await codeOf(store.list(ALL))).to.equal("KEYSTORE_UNREACHABLE");
      expect(await codeOf(store.status())).to.equal("KEYSTORE_UNREACHABLE");
      expect(await codeOf(store.create(named("new"), VALUE))).to.equal("KEYSTORE_UNREACHABLE");
      expect(readdirSync(mount)).to.deep.equal([]);
      await store.close();
    });
  });
});
