/**
 * A server about to be killed: changes keys as fast as it can and tells of each change before and after it.
 *
 * Arguments: the key folder and a word that sets its key names apart. It starts when a line comes on stdin.
 * Lines on stdout, each one write(2), so that a kill cannot tear one:
 * - `try NAME STATE` before a change, `ack NAME STATE` once it was acknowledged; STATE as in `journal.ts`
 * - `seal NAME HEX` something sealed under a key of the key service, see {@link sealedText}
 */
import { writeSync } from "node:fs";
import { adapter } from "../../keystores/fs/index.js";
import { secureRandom } from "../../src/crypto/random.js";
import { systemClock } from "../../src/keys/clock.js";
import { defaultCacheTimes } from "../../src/keys/options.js";
import { KeyService } from "../../src/keys/service.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { type KeyName, keyName } from "../../src/names.js";
import { ABSENT, KEY, type State } from "./journal.js";
import { CONTEXT, fingerprint, importedKey, makeValue, sealedText } from "./values.js";

const WORKERS = 3;

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

async function step(name: KeyName, state: State, change: () => Promise<void>): Promise<void> {
  say(`try ${name} ${state}`);
  await change();
  say(`ack ${name} ${state}`);
}

function named(text: string): KeyName {
  const name = keyName(text);
  if (name === undefined) throw new Error(`not a key name: ${text}`);
  return name;
}

/** On the keystore itself: creates value after value, replaces every third, deletes every seventh. */
async function workOnStore(store: Keystore, word: string): Promise<never> {
  for (let n = 0; ; n++) {
    const name = named(`value-${word}-${n}`);
    const first = makeValue(name, 1);
    await step(name, fingerprint(first), () => store.create(name, first));
    if (n % 3 === 0) {
      const second = makeValue(name, 2);
      await step(name, fingerprint(second), () => store.replace(name, first, second));
    }
    if (n % 7 === 0) await step(name, ABSENT, () => store.delete(name));
  }
}

/** As the server does: creates and imports key after key and seals under each, deletes every ninth. */
async function workOnKeys(keys: KeyService, word: string): Promise<never> {
  const createdBy = "crash";
  for (let n = 0; ; n++) {
    const name = named(`key-${word}-${n}`);
    const options = { algorithm: n % 4 < 2 ? "AES256" : "ChaCha20", createdBy } as const;
    await step(name, KEY, () =>
      n % 2 === 0
        ? keys.create(name, options)
        : keys.import(name, { ...options, keyBytes: importedKey(name) }),
    );
    const sealed = await keys.encrypt(name, sealedText(name), CONTEXT);
    say(`seal ${name} ${sealed.toString("hex")}`);
    if (n % 9 === 0) await step(name, ABSENT, () => keys.delete(name));
  }
}

const [path, word] = process.argv.slice(2);
if (path === undefined || word === undefined) throw new Error("usage: child.ts FOLDER WORD");
const warn = (message: string): void => say(`warn ${message}`);

process.stdin.once("data", async () => {
  const keystore = await adapter.open({ path }, { warn });
  const keys = new KeyService({
    keystore,
    cache: defaultCacheTimes,
    clock: systemClock,
    random: secureRandom,
    log: { error: warn, warn },
  });
  await Promise.all(
    Array.from({ length: WORKERS }, (_, worker) => [
      workOnStore(keystore, `${word}-${worker}`),
      workOnKeys(keys, `${word}-${worker}`),
    ]).flat(),
  );
});
