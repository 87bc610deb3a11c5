/** `kes-s3` as a process of its own, from its sources. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { run as runCommand } from "../../src/cli/run.js";
import { s3Commands } from "../../src/cli/s3/commands.js";
import { captured } from "./captured-output.js";
import { type Command, freePort, RunningProcess, type RunResult } from "./child-process.js";
import type { S3Login } from "./s3-client.js";

/** This repository's `kes-s3`, from its sources. */
export const s3Program: Command = [
  process.execPath,
  ...["--import", import.meta.resolve("tsx"), resolve(import.meta.dirname, "../../src/cli/s3/main.ts")],
];

export const PROCESS_ROOT: S3Login = { user: "process-root", password: "process-root-secret" };
/** Sources are compiled at each start. */
const READY_TIMEOUT_MS = 60_000;
const KEK = Buffer.alloc(32, 9).toString("base64");

/** Root, and a static key `my-key`. */
export const processEnvironment: Readonly<Record<string, string>> = {
  MINIO_ROOT_USER: PROCESS_ROOT.user,
  MINIO_ROOT_PASSWORD: PROCESS_ROOT.password,
  MINIO_KMS_SECRET_KEY: `my-key:${KEK}`,
  NO_COLOR: "1",
};

export interface S3ProcessOptions {
  /** The folder with the objects; usual: a new one, removed at the end. */
  readonly dir?: string;
  readonly args?: readonly string[];
  /** Instead of {@link processEnvironment}. */
  readonly env?: Readonly<Record<string, string>>;
  /** Instead of {@link s3Program}. */
  readonly program?: Command;
}

export interface S3Process {
  readonly host: string;
  readonly port: number;
  readonly dir: string;
  readonly process: RunningProcess;
  /** Ends it by SIGTERM. @returns its exit code */
  stop(): Promise<number | null>;
}

/** `kes-s3 server` on a free port of the loopback address. */
export async function startS3Process(options: S3ProcessOptions = {}): Promise<S3Process> {
  const { args = [], env = processEnvironment, program = s3Program } = options;
  const own = options.dir === undefined ? await mkdtemp(join(tmpdir(), "keswick-s3-process-")) : undefined;
  const dir = options.dir ?? own ?? "";
  const port = await freePort();
  const running = await RunningProcess.start(
    [...program, "server", dir, "--address", `127.0.0.1:${port}`, ...args],
    async ({ stderr }) => /S3 at https?:\/\//.test(stderr),
    { env, readyTimeoutMs: READY_TIMEOUT_MS },
  );
  return {
    host: args.includes("--cert") ? "localhost" : "127.0.0.1",
    port,
    dir,
    process: running,
    async stop() {
      const code = await running.stop();
      if (own !== undefined) await rm(own, { recursive: true, force: true });
      return code;
    },
  };
}

/** A command of `kes-s3` to its end, in this process. */
export async function runS3(
  args: readonly string[],
  env: Readonly<Record<string, string>> = processEnvironment,
): Promise<RunResult> {
  const { context, stdout, stderr } = captured({ env });
  const code = await runCommand(args, s3Commands, context, "kes-s3");
  return { code, stdout: stdout(), stderr: stderr() };
}
