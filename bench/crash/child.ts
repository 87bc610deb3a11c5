/**
 * A server about to be killed: changes keys as fast as it can and tells of each change before and after it.
 *
 * Arguments: the key folder and a word that sets its key names apart. It starts when a line comes on stdin.
 * Lines on stdout: `try NAME STATE` before a change, `ack NAME STATE` once it was acknowledged, where STATE is
 * the fingerprint of the value, or `-` for none. Each is one write(2), so a kill cannot tear a line.
 */
import { writeSync } from "node:fs";
import { adapter } from "../../keystores/fs/index.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { type KeyName, keyName } from "../../src/names.js";
import { fingerprint, makeValue } from "./values.js";

const WORKERS = 6;

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function step(name: KeyName, state: string, change: () => Promise<void>): Promise<void> {
  say(`try ${name} ${state}`);
  await change();
  say(`ack ${name} ${state}`);
}

/** Creates key after key; replaces every third and deletes every seventh. */
async function work(store: Keystore, word: string): Promise<never> {
  for (let n = 0; ; n++) {
    const name = keyName(`${word}-${n}`);
    if (name === undefined) throw new Error("not a key name");
    const first = makeValue(name, 1);
    await step(name, fingerprint(first), () => store.create(name, first));
    if (n % 3 === 0) {
      const second = makeValue(name, 2);
      await step(name, fingerprint(second), () => store.replace(name, first, second));
    }
    if (n % 7 === 0) await step(name, "-", () => store.delete(name));
  }
}

const [path, word] = process.argv.slice(2);
if (path === undefined || word === undefined) throw new Error("usage: child.ts FOLDER WORD");
const warn = (message: string): void => say(`warn ${message}`);
process.stdin.once("data", async () => {
  const store = await adapter.open({ path }, { warn });
  await Promise.all(Array.from({ length: WORKERS }, (_, worker) => work(store, `${word}-${worker}`)));
});
