/** Runs the tool that installs a program, and says in the tool's own words why it failed. */
import { spawn } from "node:child_process";

/** A large program needs minutes on two cores; past this the installation is ended. */
const TIMEOUT_MS = 20 * 60_000;
const MAX_REASON_CHARACTERS = 400;

export interface InstallerRun {
  readonly environment: Readonly<Record<string, string>>;
  /** Called with each line that the tool writes. */
  readonly progress: (line: string) => void;
}

/** @throws Error whose message is what the tool complained about */
export function runInstaller(
  program: string,
  args: readonly string[],
  { environment, progress }: InstallerRun,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "ignore", "pipe"],
      timeout: TIMEOUT_MS,
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
      reject(new Error(reason || `${program} ended with ${signal ?? `code ${code}`}`));
    });
  });
}
