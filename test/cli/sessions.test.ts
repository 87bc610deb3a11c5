/** Runs the scripted sessions of this folder; README.md describes them. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "chai";
import { commands } from "../../src/cli/commands.js";
import { parseSession } from "../support/session-file.js";
import { SessionSite } from "../support/session-site.js";
import { Terminal } from "../support/terminal.js";

const sessions = readdirSync(import.meta.dirname)
  .filter((name) => name.endsWith(".txt"))
  .sort()
  .map((name) => ({
    name,
    steps: parseSession(`test/cli/${name}`, readFileSync(join(import.meta.dirname, name), "utf8")),
  }));

describe("sessions", () => {
  it("hold every command", () => {
    const lines = sessions.flatMap(({ steps }) => steps.map(({ command }) => command)).join("\n");
    const missing = Object.keys(commands).filter((name) => !new RegExp(`\\bkes ${name}\\b`).test(lines));
    expect(missing).to.deep.equal([]);
  });

  for (const { name, steps } of sessions) {
    for (const mode of ["pipe", "terminal"] as const) {
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
          it(`${step.row === undefined ? "" : `[${step.row}] `}$ ${step.command}`, async () => {
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
});
