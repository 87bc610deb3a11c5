import { mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { draftName } from "../../../../src/cli/file/drafts.js";
import { type FilesOptions, withFiles } from "../../../../src/cli/file/with-files.js";
import { captured } from "../../../support/captured-output.js";
import { failureOf, never } from "./support.js";

describe("what surrounds the work of a file command", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-files-"));
    await writeFile(join(folder, "in"), "text");
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const options = (more: Partial<FilesOptions> = {}): FilesOptions => ({
    ...{ input: "in", output: "out", force: false, gives: "encrypted", signal: never },
    stdout: { fd: 1, isTTY: true, write: () => expect.fail("standard output was used") },
    ...more,
  });

  it("publishes what the work has published, and says so on a terminal only", async () => {
    for (const [isTTY, note] of [
      [false, ""],
      [true, "kes: decrypted 4 B to 'out'\n"],
    ] as const) {
      const { context, stderr, stdout } = captured({ cwd: folder, isTTY });
      await withFiles(context, options({ gives: "plaintext" }), async ({ source, sink, onProgress }) => {
        const bytes = Buffer.alloc(10);
        onProgress(await source.read(bytes));
        await sink.write(bytes.subarray(0, 4));
        await sink.publish(never);
      });
      expect([stderr(), stdout()]).to.deep.equal([note, ""]);
      expect(await readFile(join(folder, "out"), "utf8")).to.equal("text");
      await rm(join(folder, "out"));
    }
  });

  it("leaves nothing when the work fails, or forgets to publish", async () => {
    const { context } = captured({ cwd: folder });
    const failure = new Error("no such key");
    const failed = withFiles(context, options(), async ({ sink }) => {
      await sink.write(Buffer.from("half"));
      throw failure;
    });
    expect(await failureOf(failed)).to.equal(failure);
    await withFiles(context, options(), async ({ sink }) => sink.write(Buffer.from("half")));
    expect(await readdir(folder)).to.deep.equal(["in"]);
  });

  it("does not begin when IN or OUT cannot be used", async () => {
    const { context } = captured({ cwd: folder });
    const work = async (): Promise<void> => expect.fail("began");
    await failureOf(withFiles(context, options({ input: "nothing" }), work));
    await failureOf(withFiles(context, options({ output: "in" }), work));
    expect(await readdir(folder)).to.deep.equal(["in"]);
  });

  it("writes no encrypted bytes to a terminal", async () => {
    const { context } = captured({ cwd: folder });
    const refused = withFiles(context, options({ output: "-" }), async () => expect.fail("began"));
    expect((await failureOf(refused)).message).to.equal("encrypted bytes are nothing for a terminal");
  });

  it("removes what killed runs left beside OUT", async () => {
    const { context, stderr } = captured({ cwd: folder });
    const hourAgo = new Date(Date.now() - 3_600_000);
    for (const draft of [draftName(2_000_000_000), draftName(2_000_000_001)]) {
      await writeFile(join(folder, draft), "plaintext");
      await utimes(join(folder, draft), hourAgo, hourAgo);
    }
    await withFiles(context, options(), async () => undefined);
    expect(stderr()).to.equal("kes: removed 2 unfinished files of killed runs next to 'out'\n");
    expect(await readdir(folder)).to.deep.equal(["in"]);
  });
});
