/** Colours: on terminals, when asked for, and never against NO_COLOR. */
import { expect } from "chai";
import { builtCli } from "../support/built-cli.js";
import { type Command, run } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { SessionSite } from "../support/session-site.js";
import { Terminal } from "../support/terminal.js";

const ESCAPE = String.fromCharCode(27);
/** Command lines that have colours or emphasis on a terminal. */
const LINES = [
  ["key", "ls"],
  ["key", "info", "my-key"],
  ["key", "create", "my-key"],
  ["policy", "show", "minio"],
  ["identity", "info"],
  ["status"],
  ["log", "--count", "1"],
  ["policy", "explain", "--identity", "none", "--path", "/v1/key/create/x", "policies/minio.yml"],
];

describe("colours", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let site: SessionSite;
  let terminal: Terminal;
  let kes: Command;

  before(async function () {
    terminal = Terminal.start(this);
    cleanUp.add(async () => terminal.stop());
    site = await SessionSite.start();
    cleanUp.add(() => site.stop());
    kes = [process.execPath, (await builtCli()).main];
    await run([...kes, "key", "create", "my-key"], { env: site.env });
  });
  after(() => cleanUp.run());

  for (const args of LINES) {
    const line = `kes ${args.join(" ")}`;
    it(`${line} has none in a pipe`, async () => {
      const { stdout, stderr } = await run([...kes, ...args], { env: site.env, cwd: site.folder });
      expect(stdout + stderr).to.match(/\S/);
      expect(stdout + stderr).not.to.include(ESCAPE);
    });

    it(`${line} has some on a terminal, and none with NO_COLOR`, async () => {
      const on = async (env: Record<string, string>): Promise<string> =>
        (await terminal.run([...kes, ...args], { env: { ...site.env, ...env }, cwd: site.folder })).output;
      expect(await on({})).to.include(ESCAPE);
      const plain = await on({ NO_COLOR: "1" });
      expect(plain).to.match(/\S/);
      expect(plain).not.to.include(ESCAPE);
    });
  }

  it("--color always puts them into a pipe, --color never takes them from a terminal", async () => {
    const options = { env: site.env, cwd: site.folder };
    expect((await run([...kes, "key", "ls", "--color", "always"], options)).stdout).to.include(ESCAPE);
    expect((await terminal.run([...kes, "key", "ls", "--color", "NEVER"], options)).output).not.to.include(
      ESCAPE,
    );
  });
});
