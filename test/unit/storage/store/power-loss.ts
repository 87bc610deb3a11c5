/**
 * A file system that knows what a power loss may take: content that was not fsynced, and names in folders that were not
 * fsynced. POSIX promises no more. What lmdb writes by itself is taken as it is: its own order is its own affair.
 */
import {
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, relative } from "node:path";
import { type FileSystem, nodeFileSystem } from "../../../../src/storage/store/file-system.js";

/** What a name stands for. */
type Node = FileNode | FolderNode;

interface FileNode {
  readonly kind: "file";
  /** As it is on disk for certain; undefined: nothing of it. */
  durable: Buffer | undefined;
  current: Buffer;
}

interface FolderNode {
  readonly kind: "folder";
  durable: Map<string, Node>;
  readonly current: Map<string, Node>;
}

/** Decides for one name or one file whether what was not synced is there all the same. */
export type Luck = () => boolean;

export class PowerLossFileSystem implements FileSystem {
  readonly #root: string;
  readonly #tree: FolderNode;
  readonly #opened = new Map<number, Node>();
  /** Called before each call that changes something. */
  readonly #onStep: () => void;

  /** @param root - an existing folder; all in it is durable */
  constructor(root: string, onStep: () => void) {
    this.#root = root;
    this.#tree = load(root);
    this.#onStep = onStep;
  }

  /** Writes what is left into the folder `to`, and the index as it is. */
  lose(to: string, luck: Luck): void {
    mkdirSync(to);
    store(this.#tree, to, luck);
    mkdirSync(join(to, "index"), { recursive: true });
    for (const name of readdirSync(join(this.#root, "index")))
      copyFileSync(join(this.#root, "index", name), join(to, "index", name));
  }

  async open(path: string, flags: number, mode?: number): Promise<number> {
    if ((flags & constants.O_CREAT) !== 0) this.#onStep();
    const fd = await nodeFileSystem.open(path, flags, mode);
    if ((flags & constants.O_CREAT) !== 0)
      this.#folderOf(path).current.set(nameOf(path), {
        kind: "file",
        durable: undefined,
        current: Buffer.alloc(0),
      });
    if (!path.startsWith(`${this.#root}/index/`)) this.#opened.set(fd, this.#nodeAt(path));
    return fd;
  }

  async write(fd: number, bytes: Uint8Array): Promise<void> {
    this.#onStep();
    await nodeFileSystem.write(fd, bytes);
    const node = this.#opened.get(fd);
    if (node?.kind === "file") node.current = Buffer.concat([node.current, bytes]);
  }

  async fsync(fd: number): Promise<void> {
    this.#onStep();
    await nodeFileSystem.fsync(fd);
    const node = this.#opened.get(fd);
    if (node?.kind === "file") node.durable = node.current;
    else if (node !== undefined) node.durable = new Map(node.current);
  }

  async fdatasync(fd: number): Promise<void> {
    return this.fsync(fd);
  }

  async rename(from: string, to: string): Promise<void> {
    this.#onStep();
    await nodeFileSystem.rename(from, to);
    this.#folderOf(to).current.set(nameOf(to), this.#nodeAt(from));
    this.#folderOf(from).current.delete(nameOf(from));
  }

  async unlink(path: string): Promise<void> {
    this.#onStep();
    await nodeFileSystem.unlink(path);
    this.#folderOf(path).current.delete(nameOf(path));
  }

  async mkdir(path: string, mode: number): Promise<void> {
    this.#onStep();
    await nodeFileSystem.mkdir(path, mode);
    this.#folderOf(path).current.set(nameOf(path), {
      kind: "folder",
      durable: new Map(),
      current: new Map(),
    });
  }

  async rmdir(path: string): Promise<void> {
    this.#onStep();
    await nodeFileSystem.rmdir(path);
    this.#folderOf(path).current.delete(nameOf(path));
  }

  async chmod(path: string, mode: number): Promise<void> {
    this.#onStep();
    await nodeFileSystem.chmod(path, mode);
  }

  close(fd: number) {
    this.#opened.delete(fd);
    return nodeFileSystem.close(fd);
  }

  readonly fstat = nodeFileSystem.fstat;
  readonly lstat = nodeFileSystem.lstat;
  readonly read = nodeFileSystem.read;
  readonly entries = nodeFileSystem.entries;
  readonly state = nodeFileSystem.state;

  #folderOf(path: string): FolderNode {
    const node = this.#nodeAt(dirname(path));
    if (node.kind !== "folder") throw new Error(`no folder: ${dirname(path)}`);
    return node;
  }

  #nodeAt(path: string): Node {
    let node: Node = this.#tree;
    for (const name of relative(this.#root, path).split("/").filter(Boolean)) {
      const next: Node | undefined = node.kind === "folder" ? node.current.get(name) : undefined;
      if (next === undefined) throw new Error(`not known: ${path}`);
      node = next;
    }
    return node;
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function load(path: string): FolderNode {
  const current = new Map<string, Node>();
  for (const name of readdirSync(path)) {
    const at = join(path, name);
    const stats = lstatSync(at);
    if (stats.isDirectory()) current.set(name, load(at));
    else if (stats.isFile() && !path.endsWith("/index")) {
      const bytes = readFileSync(at);
      current.set(name, { kind: "file", durable: bytes, current: bytes });
    }
  }
  return { kind: "folder", durable: new Map(current), current };
}

function store(folder: FolderNode, to: string, luck: Luck): void {
  for (const name of new Set([...folder.durable.keys(), ...folder.current.keys()])) {
    const [was, is] = [folder.durable.get(name), folder.current.get(name)];
    const node = was === is || !luck() ? was : is;
    if (node?.kind === "folder") {
      const path = join(to, name);
      mkdirSync(path);
      store(node, path, luck);
    } else if (node !== undefined) {
      const content = node.durable === node.current || !luck() ? node.durable : node.current;
      writeFileSync(join(to, name), content ?? Buffer.alloc(0));
    }
  }
}
