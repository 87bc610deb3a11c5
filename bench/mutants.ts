/**
 * `npm run mutants`: deliberate faults, one at a time, in a copy of the sources; each must turn a test red. Shows
 * that the tests would notice. Prints a table; exit code 1 when a fault survives.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

interface Mutant {
  readonly fault: string;
  readonly file: string;
  /** Text that stands exactly once in the file. */
  readonly find: string;
  readonly replace: string;
  /** Tests that are run against it. */
  readonly tests: readonly string[];
}

const mutants: readonly Mutant[] = [
  {
    fault: "the context is not authenticated (AAD dropped) when sealing",
    file: "src/crypto/seal.ts",
    find: "if (context.length > 0) cipher.setAAD(context, { plaintextLength: plaintext.length });",
    replace: "",
    tests: ["test/unit/crypto/*.test.ts"],
  },
  {
    fault: "deny rules are ignored",
    file: "src/policy/policy.ts",
    find: 'for (const rule of policy.deny) if (rule.matches(path)) return "deny";',
    replace: "",
    tests: ["test/unit/policy/*.test.ts", "test/e2e/path-tricks.test.ts"],
  },
  {
    fault: "a created key is not compared with what was read back",
    file: "src/keys/changes.ts",
    find: 'if (found.kind !== "same") throw this.#createError(name, failure, found);',
    replace:
      'if (found.kind !== "same" && failure !== undefined) throw this.#createError(name, failure, found);',
    tests: ["test/unit/keys/changes.test.ts"],
  },
  {
    fault: "a key file is published by rename instead of link",
    file: "keystores/fs/changes.ts",
    find: "await system.link(draft, path);",
    replace: "await system.rename(draft, path);",
    tests: ["test/keystores/fs*.test.ts"],
  },
  {
    fault: "the identity is that of the last certificate",
    file: "src/server/peer.ts",
    find: "certificate = inspectCertificate(first.raw);",
    replace: "certificate = inspectCertificate((first.issuerCertificate ?? first).raw);",
    tests: ["test/e2e/tls.test.ts"],
  },
];

const root = resolve(import.meta.dirname, "..");
const FOLDERS = [
  "src",
  "keystores",
  "test",
  "policies",
  "bench",
  "package.json",
  "tsconfig.json",
  ".mocharc.json",
];

/** Names of the tests that fail with the fault in place. */
function survives(mutant: Mutant): readonly string[] {
  const copy = mkdtempSync(join(tmpdir(), "keswick-mutant-"));
  try {
    for (const entry of [...FOLDERS, "kes-config.yml", "openapi.json", "README.md"]) {
      cpSync(join(root, entry), join(copy, entry), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
    const file = join(copy, mutant.file);
    const text = readFileSync(file, "utf8");
    if (mutant.find === "" || text.split(mutant.find).length !== 2) {
      throw new Error(`${mutant.file}: the text to replace must stand there exactly once: ${mutant.find}`);
    }
    writeFileSync(
      file,
      text.replace(mutant.find, () => mutant.replace),
    );
    const run = spawnSync("npx", ["mocha", "--reporter", "json", ...mutant.tests], {
      cwd: copy,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      timeout: 300_000,
    });
    const json = run.stdout.slice(run.stdout.indexOf("{\n"));
    const report: unknown = JSON.parse(json);
    return failuresOf(report);
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

function failuresOf(report: unknown): string[] {
  if (typeof report !== "object" || report === null || !("failures" in report)) return [];
  const { failures } = report;
  if (!Array.isArray(failures)) return [];
  return failures.map((failure: unknown) =>
    typeof failure === "object" && failure !== null && "fullTitle" in failure
      ? String(failure.fullTitle)
      : "?",
  );
}

let survivors = 0;
for (const mutant of mutants) {
  const red = survives(mutant);
  if (red.length === 0) survivors++;
  console.log(`${red.length === 0 ? "SURVIVED" : "noticed "}  ${mutant.fault} (${mutant.file})`);
  console.log(`          ${red.length} tests red${red.length > 0 ? `, for example: ${red[0]}` : ""}`);
}
console.log(`\n${mutants.length} faults, ${survivors} survived`);
process.exitCode = survivors === 0 ? 0 : 1;
