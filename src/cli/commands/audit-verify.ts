/** `kes audit verify`: is an audit log whole, and whose is it? */
import { command, EXIT } from "../command.js";
import { styleOf } from "../style.js";

const MAX_FILES = 10_000;

export const auditVerifyCommand = command({
  usage: "kes audit verify [--key FILE] [--head NUMBER:HASH] [--json] FILE...",
  description:
    "Reads the files of an audit log, in any order, compressed or not, and finds what was changed, removed, added, " +
    "exchanged or cut off. Names the first bad record with file and line, and fails then. What the last checkpoint " +
    "signed is proved by the server's public key, and a log in which nothing is signed by it fails; the end of the log only by what is known from elsewhere: a head, or " +
    "a checkpoint that a collector has kept. The checkpoint that the server left beside its file is used as well.",
  options: {
    key: {
      type: "list",
      value: "FILE",
      description: "Public key that signs checkpoints (audit.pub of 'kes init')",
    },
    "allow-unsigned": {
      type: "boolean",
      description: "Accept a log that has no signed checkpoint yet, although there is a --key",
    },
    head: {
      type: "list",
      value: "NUMBER:HASH",
      description: "A record that must be there, as an earlier run has printed it",
    },
    checkpoint: {
      type: "list",
      value: "FILE",
      description: "A checkpoint that must be there, kept as its line",
    },
    json: { type: "boolean", description: "Print one object" },
  },
  args: [1, MAX_FILES],
  examples: [
    "kes audit verify --key audit.pub audit.log*",
    "kes audit verify --key audit.pub --json audit.log | jq -r '\"\\(.head.seq):\\(.head.hash)\"'",
  ],

  async run({ args, options }, context) {
    const { output, cwd } = context;
    const { chainFiles, headsBeside, linkOfCheckpoint, linkOfText, publicKeyOf } = await import(
      "../audit/files.js"
    );
    const { verifyFiles } = await import("../../audit/file/verify.js");
    const { reportJson, reportText } = await import("../audit/report.js");
    const { Progress } = await import("../file/progress.js");
    const { interruptible } = await import("../interrupt.js");
    const heads = options.head.map(linkOfText);
    const keys = await Promise.all(options.key.map((file) => publicKeyOf(file, cwd)));
    for (const file of options.checkpoint) heads.push(await linkOfCheckpoint(file, cwd));
    // Before the files are read: a server that goes on writing is then behind its checkpoint, never ahead.
    const beside = await headsBeside(args, cwd);
    const { files, left, totalBytes } = await chainFiles(args, cwd);
    for (const name of left) output.note(`${name}: no part of the chain, not verified`);
    const progress = new Progress({
      label: "verifying",
      total: totalBytes,
      screen: output,
      now: () => performance.now(),
    });
    const report = await interruptible((signal) =>
      verifyFiles(files, {
        keys,
        allowUnsigned: options["allow-unsigned"],
        heads: [...heads, ...beside.map(({ link }) => link)],
        onProgress: (bytes) => progress.add(bytes),
        signal,
        cwd,
      }),
    ).finally(() => progress.end());
    const isUnsigned = keys.length > 0 && report.files.length > 0 && report.lastCheckpoint === undefined;
    if (isUnsigned) {
      output.note("nothing is signed by the key: the signature proves nothing of this log");
      if (!options["allow-unsigned"])
        output.note(
          "the first checkpoint is written within a minute; --allow-unsigned accepts a log that is younger",
        );
    }
    if (options.json) output.data(`${JSON.stringify(reportJson(report))}\n`);
    else output.data(reportText(report, styleOf(output)));
    return report.findingCount === 0 ? EXIT.done : EXIT.failed;
  },
});
