/**
 * `npm run bench:file [-- --gib N] [--rounds N] [--folder DIR]`: what `kes key encrypt-file` and `decrypt-file` take for
 * a large file (5 GiB unless told otherwise), next to `openssl enc -aes-256-ctr`, in turns in one run. Then both are
 * killed in the middle. Exit 1 when memory reaches 150 MiB, when a byte does not come back, or when a kill leaves
 * anything but a hidden draft.
 *
 * All times include that the result is on the disk (fsync), which openssl by itself does not see to.
 */
import { mkdtempSync, readdirSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { CleanUp } from "../test/support/clean-up.js";
import { startFileSite } from "./file/site.js";
import { fill, killed, type Measured, measure, sameContent } from "./file/work.js";

const { values } = parseArgs({
  options: {
    gib: { type: "string", default: "5" },
    rounds: { type: "string", default: "2" },
    folder: { type: "string", default: tmpdir() },
  },
});
const size = Math.round(Number(values.gib) * 1024 ** 3);
const rounds = Number(values.rounds);
if (!(size > 0) || !Number.isSafeInteger(rounds) || rounds < 1) {
  throw new Error("--gib and --rounds take numbers");
}
const { bavail, bsize } = statfsSync(values.folder);
if (bavail * bsize < 3.2 * size) throw new Error(`${values.folder} has no room for three files of that size`);

const MAX_PEAK_MIB = 150;
const failures: string[] = [];
const cleanUp = new CleanUp();
const folder = mkdtempSync(join(values.folder, "keswick-file-"));
cleanUp.add(async () => rmSync(folder, { recursive: true, force: true }));
try {
  const { env, main } = await startFileSite(cleanUp);
  const [plain, sealed, opened, other] = ["plain", "sealed", "opened", "other"].map((name) =>
    join(folder, name),
  ) as [string, string, string, string];
  await fill(plain, size);

  const kes = (...args: string[]) => [process.execPath, main, "key", ...args] as const;
  const openssl = (...args: string[]) =>
    ["openssl", "enc", "-aes-256-ctr", "-K", "01".repeat(32), "-iv", "02".repeat(16), ...args] as const;
  // Three large files at a time, `opened` in two ways: openssl's is removed before ours is made.
  const steps = [
    { name: "openssl enc -aes-256-ctr", command: openssl("-in", plain, "-out", other), target: other },
    {
      name: "openssl enc -d",
      command: openssl("-d", "-in", other, "-out", opened),
      target: opened,
      spent: other,
    },
    { name: "kes key encrypt-file", command: kes("encrypt-file", "bench", plain, sealed), target: sealed },
    { name: "kes key decrypt-file", command: kes("decrypt-file", sealed, opened), target: opened },
  ];
  const runs = new Map<string, Measured[]>(steps.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    rmSync(sealed, { force: true });
    for (const { name, command, target, spent } of steps) {
      rmSync(target, { force: true });
      runs.get(name)?.push(await measure(command, target, env));
      if (spent !== undefined) rmSync(spent);
    }
    if (!(await sameContent(plain, opened))) failures.push("the decrypted file is another one");
    rmSync(opened);
  }
  console.log(`${values.gib} GiB, Node.js ${process.versions.node}, best of ${rounds}\n`);
  console.log(table(runs));

  for (const command of [kes("encrypt-file", "bench", plain, opened), kes("decrypt-file", sealed, opened)]) {
    const left = await killed(command, opened, size / 2, env);
    console.log(
      `\nkes key ${command[3]}, killed (-9) in the middle, leaves: ${left.join(", ") || "nothing"}`,
    );
    if (left.some((name) => !name.startsWith(".kes-file"))) failures.push("a kill left half a file");
    for (const name of readdirSync(folder)) if (name.startsWith(".")) rmSync(join(folder, name));
  }
} finally {
  await cleanUp.run();
}
for (const failure of failures) console.error(failure);
if (failures.length > 0) process.exitCode = 1;

function table(all: ReadonlyMap<string, readonly Measured[]>): string {
  const line = (name: string, ...cells: string[]): string =>
    name.padEnd(26) + cells.map((cell) => cell.padStart(12)).join("");
  const lines = [...all].map(([name, measured]) => {
    const best = measured.reduce((a, b) => (b.seconds < a.seconds ? b : a));
    const peakMib = Math.max(...measured.map((one) => one.peakMib));
    if (name.startsWith("kes") && peakMib >= MAX_PEAK_MIB) failures.push(`${name}: peak of ${peakMib} MiB`);
    const mibPerSecond = size / 1024 ** 2 / best.seconds;
    const figures = [best.seconds.toFixed(2), mibPerSecond.toFixed(0), best.cpuSeconds.toFixed(2)];
    return line(name, ...figures, peakMib.toFixed(0));
  });
  return [line("", "seconds", "MiB/s", "CPU seconds", "peak MiB"), ...lines].join("\n");
}
