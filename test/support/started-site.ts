/** A folder like a fresh checkout, on which `kes start` runs as a process of its own. */
import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { type Command, freePort, RunningProcess } from "./child-process.js";

const root = resolve(import.meta.dirname, "../..");
/** This repository's `kes`, from its sources. */
export const kesProgram: Command = [
  process.execPath,
  ...["--import", import.meta.resolve("tsx"), join(root, "src/cli/main.ts")],
];

/** A folder with `kes-config.yml`, `policies/` and a `bin/` with `kes` for the search path. */
export interface Checkout {
  readonly folder: string;
  readonly bin: string;
  remove(): Promise<void>;
}

/**
 * Makes the folder. Its name holds a blank, which every line that is printed must survive.
 * @param program - what `kes` in `bin/` stands for
 */
export async function makeCheckout(program: Command = kesProgram): Promise<Checkout> {
  const folder = await mkdtemp(join(tmpdir(), "keswick start "));
  for (const name of ["kes-config.yml", "policies"]) {
    await cp(join(root, name), join(folder, name), { recursive: true });
  }
  const bin = join(folder, "bin");
  await mkdir(bin);
  const words = program.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  await writeFile(join(bin, "kes"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
  await chmod(join(bin, "kes"), 0o755);
  return { folder, bin, remove: () => rm(folder, { recursive: true, force: true }) };
}

export interface StartedSite {
  readonly port: number;
  readonly process: RunningProcess;
}

/** Runs `kes start` in `folder` on a free port, until its last line is out. */
export async function startSite(folder: string, program: Command = kesProgram): Promise<StartedSite> {
  const port = await freePort();
  const running = await RunningProcess.start(
    [...program, "start", "--addr", `127.0.0.1:${port}`],
    async ({ output }) => /^export MINIO_KMS_KES_CAPATH=.*\n/m.test(output),
    { cwd: folder },
  );
  return { port, process: running };
}
