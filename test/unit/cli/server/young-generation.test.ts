import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { expect } from "chai";

const run = promisify(execFile);
const file = resolve(import.meta.dirname, "../../../../src/cli/server/young-generation.ts");

// In a process of its own: the flag is the whole process's.
const CODE = `
  import { getHeapSpaceStatistics } from "node:v8";
  import { holdYoungGeneration } from ${JSON.stringify(pathToFileURL(file).href)};
  const letGrow = process.env.HOLD === "1" ? holdYoungGeneration() : () => undefined;
  const kept = [];
  const load = () => { for (let i = 0; i < 300_000; i++) kept.push({ i, text: "text" + i }); kept.length = 0; };
  const size = () => getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size;
  load();
  const held = size();
  letGrow();
  letGrow();
  for (let i = 0; i < 8; i++) load();
  console.log(JSON.stringify({ held, grown: size() }));
`;

async function sizes(hold: boolean): Promise<{ held: number; grown: number }> {
  const { stdout } = await run(process.execPath, ["--import", "tsx", "--input-type=module", "--eval", CODE], {
    env: { ...process.env, HOLD: hold ? "1" : "0" },
    timeout: 60_000,
  });
  return JSON.parse(stdout);
}

describe("young generation", () => {
  it("does not grow while it is held, and grows afterwards as it always does", async function () {
    this.timeout(120_000);
    const [held, free] = await Promise.all([sizes(true), sizes(false)]);
    expect(held.held).to.be.lessThan(8 * 2 ** 20);
    expect(free.held).to.be.greaterThan(held.held * 2);
    expect(held.grown).to.be.at.least(16 * 2 ** 20);
  });
});
