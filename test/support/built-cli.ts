/**
 * The command line compiled to JavaScript, as an installation runs it: a start costs a third of one from sources.
 * Built once for each state of the sources, whichever test asks first, into a cache that git ignores.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { chmod, mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { runOk } from "./child-process.js";

const root = resolve(import.meta.dirname, "../..");
const CACHE = join(root, "node_modules/.cache/keswick-cli");
/** Builds of earlier states are removed after this; a run that still uses one must not lose it. */
const KEEP_MS = 3_600_000;

export interface BuiltCli {
  /** Folder that holds `src/` and `keystores/`. */
  readonly folder: string;
  /** The script that `kes` stands for. */
  readonly main: string;
  /** Folder with an executable `kes`, for the search path. */
  readonly bin: string;
}

export async function builtCli(): Promise<BuiltCli> {
  const folder = join(CACHE, stateOfSources());
  const built: BuiltCli = { folder, main: join(folder, "src/cli/main.js"), bin: join(folder, "bin") };
  if (existsSync(folder)) return built;
  // A build of one's own, then one rename: whoever sees the folder sees all of it.
  const draft = join(CACHE, `draft-${randomUUID()}`);
  await mkdir(join(draft, "bin"), { recursive: true });
  try {
    // Types are checked by `npm run typecheck`; here only the code counts.
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    await runOk([process.execPath, tsc, "-p", "tsconfig.build.json", "--noCheck", "--outDir", draft], {
      cwd: root,
      timeoutMs: 60_000,
    });
    await writeFile(join(draft, "package.json"), '{"type":"module"}\n');
    const script = `#!/bin/sh\nexec ${quoted(process.execPath)} ${quoted(built.main)} "$@"\n`;
    await writeFile(join(draft, "bin/kes"), script);
    await chmod(join(draft, "bin/kes"), 0o755);
    await rename(draft, folder).catch((error: NodeJS.ErrnoException) => {
      // Another test process was faster with the same sources.
      if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await removeOld(folder);
  return built;
}

/** Changes with every byte of the sources, of the compiler's settings and of the package's description. */
function stateOfSources(): string {
  const hash = createHash("sha256");
  const files = ["src", "keystores"].flatMap((top) =>
    readdirSync(join(root, top), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const settings = ["package.json", "tsconfig.json", "tsconfig.build.json"].map((name) => join(root, name));
  for (const file of [...files.sort(), ...settings]) {
    hash
      .update(`${relative(root, file)}\0`)
      .update(readFileSync(file))
      .update("\0");
  }
  return hash.update(process.execPath).digest("hex").slice(0, 32);
}

async function removeOld(current: string): Promise<void> {
  for (const name of await readdir(CACHE)) {
    const path = join(CACHE, name);
    const age = await stat(path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      // Another test process has removed it.
      () => 0,
    );
    if (path !== current && age > KEEP_MS) await rm(path, { recursive: true, force: true });
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
