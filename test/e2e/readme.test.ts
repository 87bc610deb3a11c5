/** The code blocks of the documents that are marked `sh run`, run in a shell. What else is checked: CONTRIBUTING.md. */
import { expect } from "chai";
import { run } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { markdownFiles } from "../support/markdown.js";
import { requireService } from "../support/services/index.js";
import { type Checkout, makeCheckout, type StartedSite, startSite } from "../support/started-site.js";

/** The address in the documents, which stands for that of the server under test. */
const DOCUMENTED = "127.0.0.1:7373";

describe("what the documents show", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  let checkout: Checkout;
  let site: StartedSite;

  before(async function () {
    for (const tool of ["curl", "openssl"] as const) requireService(this, tool);
    checkout = await makeCheckout();
    cleanUp.add(() => checkout.remove());
    site = await startSite(checkout.folder);
    cleanUp.add(() => site.process.stop());
  });
  after(() => cleanUp.run());

  const blocks = markdownFiles().flatMap(({ file, blocks }) =>
    blocks.filter(({ info }) => info === "sh run").map((block) => ({ file, ...block })),
  );

  // Who pastes the later ones into the same terminal has set these.
  const exported = blocks
    .flatMap(({ text }) => text.split("\n"))
    .filter((line) => line.startsWith("export MINIO_KES_"))
    .join("\n");

  it("is found", () => {
    expect(blocks.filter(({ file }) => file === "README.md").length).to.be.greaterThan(5);
  });

  for (const { file, line, text } of blocks) {
    it(`runs: ${file}:${line}`, async () => {
      const input = `${exported}\n${text}`.replaceAll(DOCUMENTED, `127.0.0.1:${site.port}`);
      const { code, stdout, stderr } = await run(["sh", "-eu"], {
        input,
        cwd: checkout.folder,
        env: { PATH: `${checkout.bin}:${process.env.PATH ?? ""}` },
        timeoutMs: 30_000,
      });
      expect(code, `${stdout}\n${stderr}`).to.equal(0);
      // A refusal is an answer to curl, and no failure.
      expect(stdout).not.to.include('{"message":');
    });
  }
});
