/** Builds a program with the Go tool and puts it in place in one step. */
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { GoRelease, ServiceName } from "./catalogue.js";
import { binaryPath, findOnPath, servicesFolder, stampPath } from "./folder.js";
import { runInstaller } from "./installer.js";

/**
 * Builds `name` at its pinned version and installs binary and stamp.
 * @param progress - called with each line that the Go tool writes
 * @throws Error whose message is the reason in the Go tool's own words
 */
export async function buildService(
  name: ServiceName,
  { package: packagePath, version }: GoRelease,
  progress: (line: string) => void,
): Promise<void> {
  const go = findOnPath("go");
  if (go === undefined) throw new Error("it is built from source and Go is not on the PATH");

  await mkdir(servicesFolder(), { recursive: true });
  // Built beside its final place, so that the rename is atomic and a run that dies leaves no half binary.
  const draft = await mkdtemp(join(servicesFolder(), ".build-"));
  try {
    await runInstaller(
      go,
      ["install", "-p", "2", "-trimpath", "-ldflags", "-s -w", `${packagePath}@${version}`],
      {
        environment: { GOBIN: draft, CGO_ENABLED: "0" },
        progress,
      },
    );
    await rename(join(draft, basename(packagePath)), binaryPath(name));
    await writeFile(stampPath(name), `${version}\n`);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}
