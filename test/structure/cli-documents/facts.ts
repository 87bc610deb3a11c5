/** What the documents of the command line are made from: the table of commands and what each says of itself. */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { CommandInfo, OptionSpec } from "../../../src/cli/command.js";
import type { CommandTable } from "../../../src/cli/commands.js";
import { sectionsOf } from "../../../src/cli/help.js";
import { VARIABLES } from "../../../src/cli/remote/environment.js";
import { remoteOptions } from "../../../src/cli/remote/options.js";

export const root = resolve(import.meta.dirname, "../../..");

export interface OptionFacts {
  /** `-f, --force`. */
  readonly spellings: readonly string[];
  /** How the value is called; absent for a switch. */
  readonly value?: string;
  readonly description: string;
}

export interface CommandFacts {
  readonly info: CommandInfo;
  /** Its name in the table, with `kes` before it. */
  readonly name: string;
  /** What is shown: neither hidden ones nor those of every remote command. */
  readonly options: readonly OptionFacts[];
  /** Whether it takes the options of a command that talks to a server. */
  readonly isRemote: boolean;
}

export interface SectionFacts {
  /** `Keys`. */
  readonly title: string;
  readonly commands: readonly CommandFacts[];
}

export interface VariableFacts {
  readonly names: readonly string[];
  readonly description: string;
}

export interface CliFacts {
  readonly version: string;
  readonly sections: readonly SectionFacts[];
  readonly remoteOptions: readonly OptionFacts[];
  readonly variables: readonly VariableFacts[];
}

const PURPOSES: Readonly<Record<keyof typeof VARIABLES, string>> = {
  server: "The server, or several separated by commas. Default: 127.0.0.1:7373.",
  apiKey: "The API key, or @FILE for the file that holds it.",
  keyFile: "The private key of the client's certificate, a PEM file.",
  certFile: "The client's certificate, a PEM file.",
  ca: "The certificates that a server's certificate is checked against, a PEM file or a folder. Default: the system's.",
  keyPassword: "The password of an encrypted private key; without it a terminal is asked.",
};

const OTHERS: readonly VariableFacts[] = [
  {
    names: ["KES_BUNDLE_PASSPHRASE"],
    description: "The passphrase of key bundles; without it a terminal is asked.",
  },
  { names: ["HTTPS_PROXY", "NO_PROXY"], description: "The proxy to the server, and the hosts without one." },
  { names: ["NO_COLOR"], description: "Set to anything, it switches colours off." },
];

export async function cliFacts(table: CommandTable): Promise<CliFacts> {
  const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string };
  const sections = sectionsOf(table).map(async ({ title, rows }): Promise<SectionFacts> => {
    const commands = rows.map(async ([name]): Promise<CommandFacts> => {
      const entry = table[name];
      if (entry === undefined) throw new Error(`no command '${name}'`);
      return commandFacts(name, (await entry.load()).info);
    });
    return { title: title.replace(/:$/, ""), commands: await Promise.all(commands) };
  });
  const variables = Object.entries(PURPOSES).map(([purpose, description]) => ({
    names: VARIABLES[purpose as keyof typeof VARIABLES],
    description,
  }));
  return {
    version,
    sections: await Promise.all(sections),
    remoteOptions: shown(Object.entries(remoteOptions)),
    variables: [...variables, ...OTHERS],
  };
}

function commandFacts(name: string, info: CommandInfo): CommandFacts {
  const remote: Readonly<Record<string, OptionSpec>> = remoteOptions;
  // `-s` is not that of --server in kes status, so the option is told from the others by its description.
  const isCommon = (long: string, spec: OptionSpec): boolean => remote[long] === spec;
  const entries = Object.entries(info.options);
  return {
    info,
    name: `kes ${name}`,
    isRemote: entries.some(([long, spec]) => isCommon(long, spec)),
    options: shown(entries.filter(([long, spec]) => !isCommon(long, spec))),
  };
}

function shown(entries: readonly (readonly [string, OptionSpec])[]): OptionFacts[] {
  return entries
    .filter(([, { hidden }]) => hidden !== true)
    .map(([long, { short, type, value = "VALUE", description }]) => ({
      spellings: short === undefined ? [`--${long}`] : [`-${short}`, `--${long}`],
      description,
      ...(type === "boolean" ? {} : { value }),
    }));
}
