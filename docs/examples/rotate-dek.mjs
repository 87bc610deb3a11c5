// node rotate-dek.mjs KEY ID FILE: a new data key, and the content encrypted anew under it.
// node rotate-dek.mjs KEY ID FILE NEWKEY: the same data key, from now on sealed under another named key.
import { readFile, rename, writeFile } from "node:fs/promises";
import { connect } from "./connect.mjs";
import { open, reseal, seal } from "./envelope.mjs";

const [keyName = "", id = "", file = "", newKey] = process.argv.slice(2);
const client = connect();
try {
  const old = await readFile(file);
  const content = await open(client, keyName, id, old);
  const rotated = newKey
    ? await reseal(client, keyName, newKey, id, old)
    : await seal(client, keyName, id, content);
  // The old file goes only once the new one is known to open.
  const check = await open(client, newKey ?? keyName, id, rotated);
  if (!check.equals(content)) throw new Error("the new file does not open to the same content");
  await writeFile(`${file}.part`, rotated, { mode: 0o600, flush: true });
  await rename(`${file}.part`, file);
} finally {
  await client.close();
}
