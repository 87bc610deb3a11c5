/** Builds a program with the Go tool and puts it in place in one step. */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type ServiceName, services } from "./catalogue.js";
import { binaryPath, findOnPath, servicesFolder, stampPath } from "./folder.js";

/** A large program needs minutes on two cores; past this the build is ended. */
const BUILD_TIMEOUT_MS = 20 * 60_000;
const MAX_REASON_CHARACTERS = 400;

/**
 * Builds `name` at its pinned version and installs binary and stamp.
 * @param progress - called with each line that the Go tool writes
 * @throws Error whose message is the reason in the Go tool's own words
 */
export async function buildService(name: ServiceName, progress: (line: string) => void): Promise<void> {
  const go = findOnPath("go");
  if (go === undefined) throw new Error("it is built from source and Go is not on the PATH");
  const { package: packagePath, version } = services[name];

  await mkdir(servicesFolder(), { recursive: true });
  // Built beside its final place, so that the rename is atomic and a run that dies leaves no half binary.
  const draft = await mkdtemp(join(servicesFolder(), ".build-"));
  try {
    await runGo(go, ["install", "-p", "2", "-trimpath", "-ldflags", "-s -w", `${packagePath}@${version}`], {
      environment: { GOBIN: draft, CGO_ENABLED: "0" },
      progress,
    });
    await rename(join(draft, basename(packagePath)), binaryPath(name));
    await writeFile(stampPath(name), `${version}\n`);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

interface GoRun {
  readonly environment: Readonly<Record<string, string>>;
  readonly progress: (line: string) => void;
}

function runGo(go: string, args: readonly string[], { environment, progress }: GoRun): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(go, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: BUILD_TIMEOUT_MS,
    });
    let complaints = "";
    let rest = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        progress(line);
        if (!line.startsWith("go: downloading")) complaints += `${line}\n`;
      }
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) return resolve();
      const reason = `${complaints}${rest}`.trim().replaceAll(/\s+/g, " ").slice(0, MAX_REASON_CHARACTERS);
      reject(new Error(reason || `go ended with ${signal ?? `code ${code}`}`));
    });
  });
}
