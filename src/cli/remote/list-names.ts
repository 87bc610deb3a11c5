/** What `kes ls`, `kes key ls`, `kes policy ls` and `kes identity ls` do. */
import type { ListOptions } from "../../client/types.js";
import type { CommandContext } from "../command.js";
import { styleOf } from "../style.js";
import { type Remote, withClient } from "./connect.js";
import type { RemoteOptions } from "./options.js";
import { printNames } from "./print.js";

/** The kinds of things that have names. */
const KINDS = {
  key: { header: "Key", many: "keys", list: ({ client }: Remote, by: ListOptions) => client.listKeys(by) },
  policy: {
    header: "Policy",
    many: "policies",
    list: ({ client }: Remote, by: ListOptions) => client.listPolicies(by),
  },
  identity: {
    header: "Identity",
    many: "identities",
    list: ({ client }: Remote, by: ListOptions) => client.listIdentities(by),
  },
} as const;

/**
 * Prints the names that begin with `pattern`: all of them or, when the listing fails half-way, none.
 * @param pattern - empty or `*` for all
 */
export async function listNames(
  context: CommandContext,
  options: RemoteOptions & { readonly json: boolean; readonly color?: string | undefined },
  kind: keyof typeof KINDS,
  pattern: string,
): Promise<number | undefined> {
  const { header, many, list } = KINDS[kind];
  const style = styleOf(context.output, options.color);
  return withClient(context, options, async (remote) => {
    const about = { what: `failed to list ${many}`, path: `/v1/${kind}/list/${pattern || "*"}` };
    const names = await remote.attempt(about, async () => {
      const all: string[] = [];
      for await (const name of list(remote, { prefix: pattern, signal: remote.signal })) all.push(name);
      return all;
    });
    printNames(context.output, style, header, names, options.json);
    return undefined;
  });
}
