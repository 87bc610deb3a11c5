// node encrypt-file.mjs encrypt|decrypt KEY ID IN OUT
import { readFile, rename, writeFile } from "node:fs/promises";
import { connect } from "./connect.mjs";
import { open, seal } from "./envelope.mjs";

const [what, keyName = "", id = "", input = "", output = ""] = process.argv.slice(2);
const client = connect();
try {
  const content = await readFile(input);
  const result = await (what === "decrypt" ? open : seal)(client, keyName, id, content);
  // The output appears whole or not at all.
  await writeFile(`${output}.part`, result, { mode: 0o600, flush: true });
  await rename(`${output}.part`, output);
} finally {
  await client.close();
}
