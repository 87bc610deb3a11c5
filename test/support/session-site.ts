/** A server, a folder and a shell's state for one scripted session. */
import { X509Certificate } from "node:crypto";
import { appendFile, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AssertionError } from "chai";
import { identityOfCertificate } from "../../src/identity/certificate.js";
import { builtCli } from "./built-cli.js";
import { type Command, freePort, run } from "./child-process.js";
import { CleanUp } from "./clean-up.js";
import { compare, type Mode, type Step, visibleText } from "./session-file.js";
import { makeCheckout, startSite } from "./started-site.js";
import type { Terminal } from "./terminal.js";

const STEP_TIMEOUT_MS = 30_000;

/** Where the steps of a session run, one after the other. */
export class SessionSite {
  readonly folder: string;
  /** What every step finds in its environment. */
  readonly env: Readonly<Record<string, string>>;
  readonly #cleanUp: CleanUp;
  readonly #terminal: Terminal | undefined;
  readonly #variables: Record<string, string>;

  private constructor(
    folder: string,
    env: Readonly<Record<string, string>>,
    variables: Record<string, string>,
    cleanUp: CleanUp,
    terminal: Terminal | undefined,
  ) {
    this.folder = folder;
    this.env = env;
    this.#variables = variables;
    this.#cleanUp = cleanUp;
    this.#terminal = terminal;
  }

  /** @param terminal - for a session on a terminal; without it output is piped */
  static async start(terminal?: Terminal): Promise<SessionSite> {
    const cleanUp = new CleanUp();
    try {
      const program: Command = [process.execPath, (await builtCli()).main];
      const { folder, bin, remove } = await makeCheckout(program);
      cleanUp.add(remove);
      const healthPort = await freePort();
      await appendFile(join(folder, "kes-config.yml"), moreConfiguration(healthPort));
      const server = await startSite(folder, program);
      cleanUp.add(() => server.process.stop());
      const file = (name: string): string => join(folder, ".keswick", name);
      const identity = async (name: string): Promise<string> =>
        identityOfCertificate(new X509Certificate(await readFile(file(`${name}.crt`))).raw);
      const variables = {
        port: String(server.port),
        health: String(healthPort),
        server: String(server.process.pid),
        admin: await identity("admin"),
        client: await identity("client"),
      };
      const env = {
        ...variables,
        PATH: `${bin}:${process.env.PATH ?? ""}`,
        HOME: folder,
        TZ: "UTC",
        MINIO_KES_SERVER: `127.0.0.1:${server.port}`,
        MINIO_KES_CERT_FILE: file("admin.crt"),
        MINIO_KES_KEY_FILE: file("admin.key"),
        MINIO_KES_CAPATH: file("server.crt"),
      };
      const site = new SessionSite(folder, env, variables, cleanUp, terminal);
      await site.forget();
      return site;
    } catch (error) {
      await cleanUp.run();
      throw error;
    }
  }

  /** Begins anew: what commands exported and where they went is forgotten. */
  async forget(more: Readonly<Record<string, string>> = {}): Promise<void> {
    await writeFile(this.#stateFile, exports({ ...this.env, ...more }));
    await writeFile(this.#folderFile, this.folder);
  }

  async stop(): Promise<void> {
    await this.#cleanUp.run();
  }

  get #mode(): Mode {
    return this.#terminal === undefined ? "pipe" : "terminal";
  }

  get #stateFile(): string {
    return join(this.folder, "bin", "exported");
  }

  get #folderFile(): string {
    return join(this.folder, "bin", "folder");
  }

  /** @throws AssertionError that shows the difference */
  async play(step: Step): Promise<void> {
    if (step.only !== undefined && step.only !== this.#mode) return;
    const expected = step.expected.filter(({ only }) => only === undefined || only === this.#mode);
    const { code, streams } = await this.run(step.command, step.answers);
    for (const [of, actual] of streams) {
      const lines = of === "both" ? expected : expected.filter(({ stream }) => stream === of);
      const { matches, kept, shown } = compare(lines, actual, this.#variables);
      if (!matches) {
        const what = of === "both" ? "the terminal's text" : of;
        const message = `line ${step.line}: ${what} is not what is expected (exit code ${code})`;
        const others = streams.filter(([name]) => name !== of).map(([name, text]) => `\n${name}: ${text}`);
        throw new AssertionError(message + others.join(""), { actual, expected: shown, showDiff: true });
      }
      await this.#keep(kept);
    }
    if (code !== step.code) {
      throw new AssertionError(`line ${step.line}: exit code ${code}, expected ${step.code}`);
    }
  }

  /** Runs one command line in the session's shell. */
  async run(
    command: string,
    answers: Step["answers"] = [],
  ): Promise<{ code: number | null; streams: [name: "stdout" | "stderr" | "both", text: string][] }> {
    const script = join(this.folder, "bin", "step");
    const [state, folder] = [this.#stateFile, this.#folderFile].map((file) => `'${file}'`);
    const lines = [
      `. ${state}`,
      `cd "$(cat ${folder})"`,
      command,
      "session_code=$?",
      `export -p >${state}`,
      `pwd >${folder}`,
      "exit $session_code",
    ];
    await writeFile(script, `${lines.join("\n")}\n`);
    if (this.#terminal === undefined) {
      const { code, stdout, stderr } = await run(["sh", script], { timeoutMs: STEP_TIMEOUT_MS });
      return {
        code,
        streams: [
          ["stdout", stdout],
          ["stderr", stderr],
        ],
      };
    }
    const options = { answers, timeoutMs: STEP_TIMEOUT_MS };
    const { code, output } = await this.#terminal.run(["sh", script], options);
    return { code, streams: [["both", visibleText(output)]] };
  }

  async #keep(values: Readonly<Record<string, string>>): Promise<void> {
    Object.assign(this.#variables, values);
    await writeFile(this.#stateFile, exports(values), { flag: "a" });
  }
}

/** What the usual configuration leaves out: a health listener and an audit file. */
function moreConfiguration(healthPort: number): string {
  return `server:
  health:
    address: 127.0.0.1:${healthPort}
audit:
  file:
    path: .keswick/audit.log
    key: .keswick/audit.key
`;
}

function exports(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join("");
}
