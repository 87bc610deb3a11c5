/** `kes migrate`: keys of one keystore into another, without a server. */
import { secureRandom } from "../../crypto/random.js";
import type { Keystore } from "../../keystore/contract.js";
import type { GlobToken } from "../../policy/glob.js";
import type { CommandContext } from "../command.js";
import { interruptible } from "../interrupt.js";
import { givenLock } from "./bundle/secrets.js";
import type { KeyEntry, OnConflict } from "./copy.js";
import { readKeystoreSource, withKeystore } from "./open.js";
import type { Patience } from "./patience.js";
import type { Tally } from "./tally.js";
import { transfer } from "./transfer.js";
import { joinNames, NameWalk } from "./walk.js";

export interface MigrateOptions {
  /** Configuration files. */
  readonly from: string;
  readonly to: string;
  readonly tokens: readonly GlobToken[];
  readonly mode: "copy" | "plan" | "compare";
  readonly onConflict: OnConflict;
  /** Name of the file for replaced values, without extension. */
  readonly oldValues: string;
  readonly parallel: number;
  readonly json: boolean;
}

export async function migrate(context: CommandContext, options: MigrateOptions): Promise<number> {
  const from = await readKeystoreSource(context, options.from);
  const to = await readKeystoreSource(context, options.to);
  const { mode, onConflict, tokens, parallel, json } = options;
  const lock = await givenLock(context, { recipient: undefined, "passphrase-file": undefined }, secureRandom);
  return interruptible((signal) =>
    withKeystore(from, true, (source) =>
      withKeystore(to, mode !== "copy", async (target) => {
        let walk: NameWalk | undefined;
        return transfer(context, {
          from: source.description,
          to: target,
          ...{ mode, onConflict, parallel, json, signal },
          oldValues: { base: options.oldValues, lock },
          entries: (patience, tally) => {
            walk = new NameWalk(source, tokens, patience);
            return entriesOf(source, walk, new NameWalk(target, tokens, patience), patience, tally);
          },
          total: () => walk?.total,
        });
      }),
    ),
  );
}

async function* entriesOf(
  source: Keystore,
  names: NameWalk,
  targetNames: NameWalk,
  patience: Patience,
  tally: Tally,
): AsyncGenerator<KeyEntry> {
  const joined = joinNames(names, targetNames, (name) => tally.extra.add(name));
  for await (const { name, isInBoth } of joined) {
    yield { name, isListed: isInBoth, read: () => patience.call((signal) => source.get(name, signal)) };
  }
}
