/**
 * `npm run bench:content [-- --mib N] [--rounds N]`: what sealing and opening of content takes, in memory and in one
 * thread, next to the same cipher by OpenSSL's command and to its bare use in this process, in turns in one run.
 * Exit 1 when memory grows with the size of the content, or a byte does not come back.
 */
import { execFileSync } from "node:child_process";
import { createCipheriv, createHash, randomBytes } from "node:crypto";
import { parseArgs } from "node:util";
import { secureRandom } from "../src/crypto/random.js";
import { openContent, sealContent } from "../src/storage/sse/content.js";
import { planRead } from "../src/storage/sse/content-layout.js";
import { ObjectKey } from "../src/storage/sse/object-key.js";

const MIB = 1024 * 1024;
/** Of growth between a small and the large content. */
const MAX_GROWTH_MIB = 64;

const { values } = parseArgs({
  options: { mib: { type: "string", default: "1024" }, rounds: { type: "string", default: "3" } },
});
const mib = Number(values.mib);
const rounds = Number(values.rounds);
if (!Number.isSafeInteger(mib) || mib < 64 || !Number.isSafeInteger(rounds) || rounds < 1) {
  throw new Error("--mib and --rounds take numbers, --mib at least 64");
}

const key = ObjectKey.generate(secureRandom(32), secureRandom);
const chunk = randomBytes(MIB);

/** `count` MiB in chunks of `size` bytes, the same bytes over and over. */
async function* plain(count: number, size: number): AsyncGenerator<Buffer> {
  for (let i = 0; i < count; i++) for (let at = 0; at < MIB; at += size) yield chunk.subarray(at, at + size);
}

async function drain(source: AsyncIterable<Buffer>): Promise<number> {
  let bytes = 0;
  for await (const each of source) bytes += each.length;
  return bytes;
}

/** MiB in a second of processor time, as `openssl speed` counts: other work on the machine does not show. */
async function rate(work: () => Promise<unknown>): Promise<number> {
  const started = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(started);
  return (mib * 1e6) / (user + system);
}

async function bare(): Promise<void> {
  const secret = randomBytes(32);
  for (let i = 0; i < mib * 16; i++) {
    const cipher = createCipheriv("aes-256-gcm", secret, randomBytes(12), { authTagLength: 16 });
    const at = (i % 16) * 65_536;
    cipher.update(chunk.subarray(at, at + 65_536));
    cipher.final();
    cipher.getAuthTag();
  }
}

function openssl(): number {
  const args = ["speed", "-mr", "-seconds", "1", "-bytes", "65536", "-evp", "aes-256-gcm"];
  const text = execFileSync("openssl", args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  return Number(/^\+F:\d+:[^:]+:([\d.]+)/m.exec(text)?.[1] ?? 0) / MIB;
}

/** Both ways at once, as a copy does it, so that nothing need be kept. */
function throughBoth(count: number): AsyncGenerator<Buffer> {
  const plan = planRead([{ bytes: count * MIB }]);
  return openContent(sealContent(plain(count, 65_536), key, undefined, secureRandom), key, plan);
}

const failures: string[] = [];
const opened = createHash("sha256");
for await (const each of throughBoth(8)) opened.update(each);
const wanted = createHash("sha256");
for await (const each of plain(8, MIB)) wanted.update(each);
if (opened.digest("hex") !== wanted.digest("hex")) failures.push("other bytes came back");

const packages: Buffer[] = [];
for await (const each of sealContent(plain(16, 65_536), key, undefined, secureRandom)) packages.push(each);
const range = planRead([{ bytes: 16 * MIB }]);
async function* kept(): AsyncGenerator<Buffer> {
  for (const each of packages) yield each;
}

const steps: readonly (readonly [string, () => Promise<number> | number])[] = [
  ["openssl speed, AES-256-GCM, 64 KiB", openssl],
  ["createCipheriv, AES-256-GCM, 64 KiB", () => rate(bare)],
  ...([16_384, 65_536, MIB] as const).map(
    (size) =>
      [
        `sealContent, chunks of ${size / 1024} KiB`,
        () => rate(() => drain(sealContent(plain(mib, size), key, undefined, secureRandom))),
      ] as const,
  ),
  [
    "openContent, chunks of a package",
    () =>
      rate(async () => {
        for (let i = 0; i < mib / 16; i++) await drain(openContent(kept(), key, range));
      }),
  ],
  ["sealContent into openContent", () => rate(() => drain(throughBoth(mib)))],
];
const best = new Map<string, number>();
for (let round = 0; round < rounds; round++) {
  for (const [name, step] of steps) best.set(name, Math.max(best.get(name) ?? 0, await step()));
}
console.log(
  `${mib} MiB, Node.js ${process.versions.node}, best of ${rounds}, MiB for a second of processor time:\n`,
);
for (const [name, value] of best)
  console.log(`${name.padEnd(40)}${Math.round(value).toString().padStart(7)}`);

await drain(throughBoth(64));
const before = process.memoryUsage().rss;
let peak = before;
let seen = 0;
for await (const each of throughBoth(mib)) {
  seen += each.length;
  if (seen % (16 * MIB) < 65_536) peak = Math.max(peak, process.memoryUsage().rss);
}
console.log(
  `\nmemory: ${Math.round(before / MIB)} MiB before, at most ${Math.round(peak / MIB)} MiB meanwhile`,
);
if (peak - before > MAX_GROWTH_MIB * MIB) failures.push("memory grows with the content");
for (const failure of failures) console.error(`FAILED: ${failure}`);
process.exitCode = failures.length === 0 ? 0 : 1;
