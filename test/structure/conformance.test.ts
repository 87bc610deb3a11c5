/** docs/conformance.md names tests: each must be there, and rows and tests must agree in both directions. */
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { runOk } from "../support/child-process.js";

const root = resolve(import.meta.dirname, "../..");
const page = readFileSync(join(root, "docs/conformance.md"), "utf8");
/** `  - \`file\`: beginning of the full title` */
const named = [...page.matchAll(/^ {2}- `(test\/[^`]+)`: (.+)$/gm)].map(([, file = "", title = ""]) => ({
  file,
  title,
}));
/** `| row | … | files |` */
const rows = [...page.matchAll(/^\| (\d+) \|.*\| ([^|]+) \|$/gm)].map(([, row, tests = ""]) => ({
  row: Number(row),
  files: [...tests.matchAll(/`(test\/[^`]+)`/g)].map(([, file = ""]) => file),
}));

/** File → full titles of its tests, as mocha sees them: titles out of tables included. */
async function titlesOf(files: readonly string[]): Promise<Map<string, string[]>> {
  const mocha = join(root, "node_modules/mocha/bin/mocha.js");
  const folder = await mkdtemp(join(tmpdir(), "keswick-titles-"));
  const report = join(folder, "titles.json");
  const args = ["--no-parallel", "--dry-run", "--reporter", "json", "--reporter-option", `output=${report}`];
  let tests: { file: string; fullTitle: string }[];
  try {
    await runOk([process.execPath, mocha, ...args, ...files], { cwd: root, timeoutMs: 60_000 });
    tests = JSON.parse(await readFile(report, "utf8")).tests;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const titles = new Map<string, string[]>(files.map((file) => [join(root, file), []]));
  for (const { file, fullTitle } of tests) titles.get(file)?.push(fullTitle);
  return new Map([...titles].map(([file, found]) => [file.slice(root.length + 1), found]));
}

describe("docs/conformance.md", function () {
  this.timeout(70_000);
  const files = [...new Set([...named.map(({ file }) => file), ...rows.flatMap((row) => row.files)])].sort();
  let titles: ReadonlyMap<string, readonly string[]>;

  before(async () => {
    expect(files.filter((file) => !existsSync(join(root, file)))).to.deep.equal([]);
    titles = await titlesOf(files);
  });

  it("names tests that are there", () => {
    const missing = named.filter(
      ({ file, title }) => !titles.get(file)?.some((full) => full.startsWith(title)),
    );
    expect(missing).to.deep.equal([]);
  });

  it("names a test for each box", () => {
    const boxes = page.split(/^- \*\*/m).slice(1);
    expect(boxes).to.have.length(15);
    for (const box of boxes) expect(box, box.slice(0, 60)).to.match(/^ {2}- `test\//m);
  });

  it("has every row, and in each file that a row names a test named after the row", () => {
    expect(rows.map(({ row }) => row)).to.deep.equal(Array.from({ length: 31 }, (_, i) => i + 1));
    for (const { row, files: shown } of rows) {
      for (const file of shown) {
        const found = titles.get(file)?.some((title) => new RegExp(`\\bS16 #${row}:`).test(title));
        expect(found, `row ${row} in ${file}`).to.equal(true);
      }
    }
  });

  it("names every file that has a test named after a row", () => {
    for (const [file, all] of titles) {
      for (const title of all) {
        const [, row] = /\bS16 #(\d+):/.exec(title) ?? [];
        if (row === undefined) continue;
        expect(rows.find((each) => each.row === Number(row))?.files, title).to.include(file);
      }
    }
  });
});
