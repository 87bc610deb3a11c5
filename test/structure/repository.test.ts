/** What the repository as a whole promises: no addresses, no paths of a machine, tables in step with documents. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { missingEntries } from "./complete-lockfile.js";

const root = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

function tracked(): string[] {
  try {
    return execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" })
      .split("\0")
      .filter(Boolean);
  } catch {
    // An unpacked tarball is no checkout; there is nothing to hold against it then.
    return [];
  }
}

describe("the repository", () => {
  it("has a lockfile without download addresses, exact versions everywhere", () => {
    expect(read("package-lock.json")).not.to.match(/"resolved": *"http/);
    const { dependencies, devDependencies } = JSON.parse(read("package.json")) as Record<
      string,
      Record<string, string>
    >;
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      expect(version, name).to.match(/^\d+\.\d+\.\d+$/);
    }
  });

  it("has a lockfile that npm ci takes on every platform", () => {
    const { packages } = JSON.parse(read("package-lock.json"));
    expect(missingEntries(packages), "run npm run lockfile").to.deep.equal({});
  });

  it("names no path of a machine and leaves no open ends", () => {
    const wrong: string[] = [];
    for (const file of tracked()) {
      if (file === "package-lock.json" || file === "test/structure/repository.test.ts") continue;
      const text = read(file);
      if (/\/work\/|\/root\/|\/tmp\/bash_jobs/.test(text)) wrong.push(`${file}: a path of a machine`);
      if (file.endsWith(".ts") && /\b(?:TODO|FIXME|XXX|HACK)\b/.test(text))
        wrong.push(`${file}: an open end`);
    }
    expect(wrong).to.deep.equal([]);
  });

  it("has no test that is skipped or singled out", () => {
    const wrong = tracked().filter(
      (file) =>
        file.endsWith(".test.ts") &&
        /\b(?:it|describe)\.(?:only|skip)\(|\bx(?:it|describe)\(/.test(read(file)),
    );
    expect(wrong.filter((file) => file !== "test/structure/repository.test.ts")).to.deep.equal([]);
  });

  it("has files of one idea each: none but tables and generated ones above 400 lines", () => {
    const long = tracked().filter(
      (file) =>
        /^(?:src|keystores)\/.*\.ts$/.test(file) &&
        !file.endsWith("_pb.ts") &&
        read(file).split("\n").length > 400,
    );
    expect(long).to.deep.equal([]);
  });
});
