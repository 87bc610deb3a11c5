/** Scripted sessions as mocha suites; README.md describes their form. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type Mode, parseSession, type Step } from "../support/session-file.js";
import { SessionSite } from "../support/session-site.js";
import { Terminal } from "../support/terminal.js";

export const sessions: readonly { readonly name: string; readonly steps: readonly Step[] }[] = readdirSync(
  import.meta.dirname,
)
  .filter((name) => name.endsWith(".txt"))
  .sort()
  .map((name) => ({
    name,
    steps: parseSession(`test/cli/${name}`, readFileSync(join(import.meta.dirname, name), "utf8")),
  }));

/** Defines a suite for each session. */
export function playSessions(mode: Mode): void {
  for (const { name, steps } of sessions) {
    describe(`${name}, ${mode === "pipe" ? "piped" : "on a terminal"}`, function () {
      this.timeout(60_000);
      let terminal: Terminal | undefined;
      let site: SessionSite | undefined;
      let brokenAt: number | undefined;

      before(async function () {
        if (mode === "terminal") terminal = Terminal.start(this);
        site = await SessionSite.start(terminal);
      });
      after(async () => {
        terminal?.stop();
        await site?.stop();
      });

      for (const step of steps.filter(({ only }) => only === undefined || only === mode)) {
        const row = step.row === undefined ? "" : `[${step.row}] `;
        it(`${row}$ ${step.command.split("\n")[0]}`, async () => {
          // What comes after a failure stands on what should have happened there.
          if (brokenAt !== undefined) throw new Error(`the session broke at line ${brokenAt}`);
          brokenAt = step.line;
          await site?.play(step);
          brokenAt = undefined;
        });
      }
    });
  }
}
