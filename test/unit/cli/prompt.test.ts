import { PassThrough } from "node:stream";
import { expect } from "chai";
import type { CommandContext } from "../../../src/cli/command.js";
import { Interrupted } from "../../../src/cli/interrupt.js";
import { askPassword, confirm } from "../../../src/cli/prompt.js";
import { captured } from "../../support/captured-output.js";

/** A terminal without a terminal: what is written to `keys` was typed. */
function terminal() {
  const keys = new PassThrough();
  const modes: boolean[] = [];
  const setRawMode = (mode: boolean): void => void modes.push(mode);
  const { context, stdout, stderr } = captured({ isTTY: true });
  const stdin: CommandContext["stdin"] = Object.assign(keys, { isTTY: true, setRawMode });
  return { keys, modes, context: { ...context, stdin }, stdout, stderr };
}

describe("cli/prompt", () => {
  it("asks for a password on stderr and shows nothing of it", async () => {
    const { keys, modes, context, stdout, stderr } = terminal();
    const password = askPassword(context, "Enter password: ", "no terminal");
    const bytes = Buffer.from("pässwörd\r");
    for (const byte of bytes) keys.write(Buffer.of(byte));
    expect(await password).to.equal("pässwörd");
    expect(modes).to.deep.equal([true, false]);
    expect([stdout(), stderr()]).to.deep.equal(["", "Enter password: \n"]);
    expect(keys.isPaused()).to.equal(true);
  });

  it("keeps what was typed ahead for the next question", async () => {
    const { keys, context } = terminal();
    keys.write("first\rsecond\r\nthird");
    expect(await askPassword(context, "1: ", "")).to.equal("first");
    expect(await askPassword(context, "2: ", "")).to.equal("second");
    const third = askPassword(context, "3: ", "");
    keys.write(" one\r");
    expect(await third).to.equal("third one");
  });

  for (const [answer, expected] of [
    ["y\r", true],
    ["YES\r", true],
    [" y \r", true],
    ["\r", false],
    ["n\r", false],
    ["yess\r", false],
  ] as const) {
    it(`takes ${JSON.stringify(answer)} for ${expected}, and shows it`, async () => {
      const { keys, context, stderr } = terminal();
      const answered = confirm(context, "Sure?", "--force");
      keys.write(answer);
      expect(await answered).to.equal(expected);
      expect(stderr()).to.equal(`Sure? [y/N] ${answer.replace("\r", "\n")}`);
    });
  }

  it("Ctrl-C, Ctrl-D and the end of the terminal end the command with 1, the terminal as it was", async () => {
    for (const end of [
      (keys: PassThrough) => keys.write("ab\u0003"),
      (keys: PassThrough) => keys.write("\u0004"),
      (keys: PassThrough) => keys.end(),
    ]) {
      const { keys, modes, context } = terminal();
      const asked = askPassword(context, "?", "").catch((error: unknown) => error);
      end(keys);
      expect(await asked)
        .to.be.instanceOf(Interrupted)
        .with.property("exitCode", 1);
      expect(modes).to.deep.equal([true, false]);
    }
  });

  it("a signal ends the question, the terminal as it was", async () => {
    const { keys, modes, context } = terminal();
    const asked = askPassword(context, "?", "").catch((error: unknown) => error);
    // As the system would: nobody else in this process listens for it.
    process.emit("SIGHUP", "SIGHUP");
    expect(await asked)
      .to.be.instanceOf(Interrupted)
      .with.property("exitCode", 129);
    expect(modes).to.deep.equal([true, false]);
    expect([keys.listenerCount("data"), process.listenerCount("SIGHUP")]).to.deep.equal([0, 0]);
  });

  it("without a terminal says how to do it otherwise", async () => {
    const { context, stderr } = captured({ stdin: "secret\n" });
    const failure = await askPassword(context, "Enter password: ", "set X").catch((error: unknown) => error);
    expect(failure)
      .to.be.instanceOf(Error)
      .with.property("message", 'cannot ask "Enter password:": standard input is not a terminal');
    expect(failure).to.have.deep.property("hints", ["set X"]);
    expect(stderr()).to.equal("");
  });
});
