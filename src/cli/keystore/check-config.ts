/** `kes keystore check` and `kes keystore policy`: from a configuration to a report. */
import { secureRandom } from "../../crypto/random.js";
import { ConfigError } from "../../errors.js";
import type { Keystore } from "../../keystore/contract.js";
import { type CommandContext, CommandError, EXIT } from "../command.js";
import { interruptible } from "../interrupt.js";
import { styleOf } from "../style.js";
import { systemTicker } from "../terminal/ticker.js";
import { checkKeystore, type ProbeResult } from "./check.js";
import { type CheckFacts, isUsable, printCheck, printCheckJson } from "./check-report.js";
import { type KeystoreSource, readKeystoreSource } from "./open.js";
import { reasonOf } from "./reason.js";

/** @returns the exit code */
export async function checkConfig(
  context: CommandContext,
  options: {
    readonly configFile: string;
    /** As in `CheckOptions`. */
    readonly prefix: string | undefined;
    readonly json: boolean;
    readonly color: string | undefined;
  },
): Promise<number> {
  const { output } = context;
  const style = styleOf(output, options.color);
  const source = await readKeystoreSource(context, options.configFile);
  const facts = await interruptible((signal) => factsOf(source, options.prefix, signal));
  if (options.json) printCheckJson(output, facts);
  else printCheck(output, style, facts);
  return isUsable(facts) ? EXIT.done : EXIT.failed;
}

async function factsOf(
  source: KeystoreSource,
  prefix: string | undefined,
  signal: AbortSignal,
): Promise<CheckFacts> {
  const { permissions, config } = source;
  const { file } = config;
  const started = performance.now();
  let keystore: Keystore;
  try {
    keystore = await source.open(true);
  } catch (error) {
    const cause = error instanceof ConfigError ? error.cause : error;
    const remedy = permissions?.lacking("read", cause);
    const reason = reasonOf(cause);
    const result = { probe: "open", outcome: "failed", timesMs: [], reason } as const;
    const results = [{ ...result, ...(remedy === undefined ? {} : { remedy }) }];
    return { file, keystore: undefined, results, leftover: undefined };
  }
  const opened: ProbeResult = { probe: "open", outcome: "ok", timesMs: [performance.now() - started] };
  try {
    let leftover: string | undefined;
    const results = await checkKeystore(keystore, {
      ...{ permissions, prefix, signal },
      random: secureRandom,
      ticker: systemTicker,
      now: () => performance.now(),
      onLeftover: (name) => {
        leftover = name;
      },
    });
    return { file, keystore: keystore.description, results: [opened, ...results], leftover };
  } finally {
    await keystore.close();
  }
}

/** Prints the least policy. */
export async function printPolicy(context: CommandContext, configFile: string): Promise<void> {
  const { permissions, config } = await readKeystoreSource(context, configFile);
  if (permissions === undefined) {
    throw new CommandError(
      `access to a key store of the kind '${config.keystore.kind}' has no policy language`,
      {
        hints: ["of a file system: the key folder belongs to the server's user, with mode 0700"],
      },
    );
  }
  context.output.data(permissions.policy);
  for (const note of permissions.notes) context.output.note(note);
}
