/** The scripted sessions with their output in a pipe. */
import { expect } from "chai";
import { commands } from "../../src/cli/commands.js";
import { playSessions, sessions } from "./play.js";

describe("sessions", () => {
  it("hold every command", () => {
    const lines = sessions.flatMap(({ steps }) => steps.map(({ command }) => command)).join("\n");
    const missing = Object.keys(commands).filter((name) => !new RegExp(`\\bkes ${name}\\b`).test(lines));
    expect(missing).to.deep.equal([]);
  });

  playSessions("pipe");
});
