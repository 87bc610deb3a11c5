/** Tampers with a log at random, a given number of times, and says what verification did not find. */
import type { KeyObject } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type Report, verifyFiles } from "../../src/audit/file/verify.js";
import { type Draw, type Tampered, tamperings } from "./tamper.js";
import type { WrittenLog } from "./write-log.js";

export interface AttackResult {
  readonly kind: string;
  readonly detected: boolean;
  /** Where the first finding is, and where it was done. */
  readonly told: string;
  /** The place that was named is not before what was done, and of what stands in the file itself right at it. */
  readonly isPlaceRight: boolean;
}

/**
 * Each time a file in the midst of the log is tampered with and verified together with its neighbours: what is found
 * there is found in the whole as well.
 * @param foreign - a log of another chain, with files of the same size
 */
export async function attack(
  log: WrittenLog,
  foreign: WrittenLog,
  folder: string,
  times: number,
  draw: Draw,
  onDone: (done: number) => void = () => undefined,
): Promise<AttackResult[]> {
  const kinds = Object.keys(tamperings);
  const results: AttackResult[] = [];
  for (let turn = 0; turn < times; turn++) {
    const kind = kinds[turn % kinds.length] ?? "";
    const at = 1 + draw(log.files.length - 2);
    const names = log.files.slice(at - 1, at + 2);
    const [, lines = [], next = []] = await Promise.all(names.map(linesOf));
    const elsewhere = await linesOf(log.files[(at + 2) % log.files.length] ?? "");
    const foreignLines = await linesOf(foreign.files[Math.min(at, foreign.files.length - 1)] ?? "");
    const done = tamperings[kind]?.({ lines, next, elsewhere, foreign: foreignLines }, draw);
    if (done === undefined) throw new Error(`no tampering '${kind}'`);
    results.push(await judged(kind, done, names, folder, log.publicKey));
    onDone(turn + 1);
  }
  return results;
}

async function judged(
  kind: string,
  done: Tampered,
  names: readonly string[],
  folder: string,
  key: KeyObject,
): Promise<AttackResult> {
  const [before = "", file = "", after = ""] = names;
  await mkdir(folder, { recursive: true });
  const bad = join(folder, basename(file));
  const behind = done.next === undefined ? after : join(folder, basename(after));
  await writeFile(bad, done.text);
  if (done.next !== undefined) await writeFile(behind, done.next);
  const report = await verifyFiles([before, bad, behind], { keys: [key], heads: [] });
  await rm(folder, { recursive: true });
  return { kind, ...verdict(report, done, bad, behind) };
}

function verdict(
  report: Report,
  { firstLine }: Tampered,
  bad: string,
  behind: string,
): Omit<AttackResult, "kind"> {
  const first = report.findings[0];
  if (first === undefined) return { detected: false, told: "nothing", isPlaceRight: false };
  const told = `${basename(first.file)}:${first.line}: ${first.kind}: ${first.message}; done at line ${firstLine}`;
  const isLater = first.file === behind;
  const isRight = firstLine === 0 ? isLater : isLater || (first.file === bad && first.line >= firstLine);
  return { detected: true, told, isPlaceRight: isRight };
}

async function linesOf(file: string): Promise<string[]> {
  return (await readFile(file, "utf8")).trimEnd().split("\n");
}
