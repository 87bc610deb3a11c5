/** An object in MinIO's data folder on one drive: its metadata and its packages, as MinIO wrote them. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeMulti } from "@msgpack/msgpack";

/** MinIO puts a checksum before each block of a part. */
const BLOCK_BYTES = 1024 * 1024;
const BLOCK_HASH_BYTES = 32;

export interface MinioObject {
  /** Names and values of its internal metadata. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly etag: string;
  readonly parts: readonly { readonly number: number; readonly bytes: number; readonly sealed: Buffer }[];
}

/** Reads the newest version of an object. @param folder - that holds `xl.meta` */
export async function readMinioObject(folder: string): Promise<MinioObject> {
  const file = await readFile(join(folder, "xl.meta"));
  const version = record(valueBehind(file, "V2Obj"));
  const user = record(version.MetaUsr);
  const sizes = list(version.PartASizes);
  const names = await readdir(folder, { recursive: true });
  const parts = await Promise.all(
    list(version.PartNums).map(async (number, i) => {
      const name = names.find((each) => each.endsWith(`/part.${number}`));
      // Small objects stand in the same file.
      const blocks =
        name === undefined ? bytes(valueBehind(file, "null")) : await readFile(join(folder, name));
      return { number: Number(number), bytes: Number(sizes[i]), sealed: withoutHashes(blocks) };
    }),
  );
  const entries = Object.entries(record(version.MetaSys));
  const metadata = Object.fromEntries(entries.map(([name, value]) => [name, bytes(value).toString()]));
  return { metadata, etag: String(user.etag), parts };
}

/** The MessagePack value behind the text `name`, where that is found last. */
function valueBehind(file: Buffer, name: string): unknown {
  const at = file.lastIndexOf(Buffer.concat([Buffer.of(0xa0 | name.length), Buffer.from(name)]));
  if (at < 0) throw new Error(`there is no ${name} in the file`);
  const [value] = decodeMulti(file.subarray(at + 1 + name.length), { useBigInt64: true });
  return value;
}

function withoutHashes(blocks: Buffer): Buffer {
  const content: Buffer[] = [];
  for (let at = 0; at < blocks.length; at += BLOCK_HASH_BYTES + BLOCK_BYTES) {
    content.push(blocks.subarray(at + BLOCK_HASH_BYTES, at + BLOCK_HASH_BYTES + BLOCK_BYTES));
  }
  return Buffer.concat(content);
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw new Error("not a map");
  return Object.fromEntries(Object.entries(value));
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error("not a list");
  return value;
}

function bytes(value: unknown): Buffer {
  if (!(value instanceof Uint8Array)) throw new Error("not bytes");
  return Buffer.from(value);
}
