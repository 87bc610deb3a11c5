/** Builds what a comparison runs: our server from its sources, and the Go programs where a Go toolchain is there. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { findOnPath } from "../../test/support/services/folder.js";

const root = resolve(import.meta.dirname, "../..");
/** Below node_modules: git ignores it, and what is built there finds our dependencies and package.json. */
const CACHE = join(root, "node_modules/.cache/keswick");
const BUILD_TIMEOUT_MS = 300_000;

export type GoProgram = "yardstick" | "load";

/**
 * Builds our server as `npm run build` does, but beside `dist`.
 * @returns path of the compiled `main.js`
 */
export function buildKeswick(): string {
  const out = join(CACHE, "bench");
  const main = join(out, "src/cli/main.js");
  try {
    execFileSync(
      process.execPath,
      [
        join(root, "node_modules/typescript/bin/tsc"),
        "-p",
        join(root, "tsconfig.build.json"),
        "--outDir",
        out,
      ],
      { cwd: root, stdio: ["ignore", "pipe", "inherit"], timeout: BUILD_TIMEOUT_MS },
    );
  } catch (error) {
    // Faults of types do not keep the compiler from writing what it has read; a missing file would.
    if (!existsSync(main)) throw error;
    console.error("note: the sources do not pass the type check");
  }
  return main;
}

/** Builds a program of `bench/peers/`. @returns its path; undefined without a Go toolchain */
export function buildGo(name: GoProgram): string | undefined {
  const go = findOnPath("go");
  if (go === undefined) return undefined;
  mkdirSync(CACHE, { recursive: true });
  const binary = join(CACHE, `bench-${name}`);
  execFileSync(go, ["build", "-trimpath", "-o", binary, "."], {
    cwd: join(root, "bench/peers", name),
    env: { ...process.env, CGO_ENABLED: "0", GOWORK: "off" },
    stdio: ["ignore", "inherit", "inherit"],
    timeout: BUILD_TIMEOUT_MS,
  });
  return binary;
}

/** As `go version` has it: `go1.26.8`; undefined without Go. */
export function goVersion(): string | undefined {
  const go = findOnPath("go");
  if (go === undefined) return undefined;
  return execFileSync(go, ["env", "GOVERSION"], { encoding: "utf8", cwd: root }).trim();
}
