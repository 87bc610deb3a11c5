/** `kes migrate`. */
import { UsageError } from "../../errors.js";
import { CommandError, command } from "../command.js";
import { countOf } from "../positive.js";

/** More than any keystore is glad of. */
const MAX_PARALLEL = 64;

export const migrateCommand = command({
  usage: "kes migrate [flags] [PATTERN]",
  description:
    "Copies the keys that match PATTERN, a shell glob (default '*'), from the key store of one configuration to that " +
    "of another. No server is involved. Values are copied byte for byte and read back; keys that are there already " +
    "with the same bytes count as done, so the same command goes on after any interruption.",
  options: {
    from: { type: "string", value: "FILE", description: "Configuration with the key store to copy from" },
    to: { type: "string", value: "FILE", description: "Configuration with the key store to copy to" },
    merge: {
      type: "boolean",
      description: "Keep keys of the target that have another value, and report them",
    },
    force: {
      type: "boolean",
      short: "f",
      description:
        "Replace keys of the target that have another value; the old values are first kept in a bundle",
    },
    "old-values": {
      type: "string",
      value: "FILE",
      description:
        "With --force: the bundle for old values, locked with $KES_BUNDLE_PASSPHRASE, else with a key in a file " +
        "beside it (default kes-replaced-TIME.kesbundle)",
    },
    "dry-run": { type: "boolean", description: "Change nothing, say what would be done" },
    "verify-only": { type: "boolean", description: "Change nothing, compare the two key stores" },
    parallel: { type: "string", value: "N", description: "Keys under way at a time (default 16)" },
    json: { type: "boolean", description: "Print a report as JSON" },
    server: { type: "string", short: "s", value: "HOST", description: "MinIO's own KMS: refused" },
    enclave: { type: "string", short: "e", value: "NAME", description: "MinIO's own KMS: refused" },
    "api-key": { type: "string", short: "a", value: "KEY", description: "MinIO's own KMS: refused" },
    insecure: { type: "boolean", short: "k", description: "MinIO's own KMS: refused" },
  },
  args: [0, 1],
  examples: [
    "kes migrate --from old.yml --to new.yml --dry-run",
    "kes migrate --from old.yml --to new.yml",
    "kes migrate 'my-*' --from old.yml --to new.yml --merge",
    "kes migrate --from old.yml --to new.yml --verify-only --json",
  ],

  async run({ args: [pattern], options }, context) {
    const { from, to } = endsOf(options, context.env);
    if (options["dry-run"] && options["verify-only"]) {
      throw new CommandError("'--dry-run' and '--verify-only' flags are mutually exclusive");
    }
    const isChanging = !options["dry-run"] && !options["verify-only"];
    if (options["old-values"] !== undefined && !options.force) {
      throw new CommandError("'--old-values' flag is of no use without '--force'");
    }
    const parallel = countOf("parallel", options.parallel);
    if (parallel !== undefined && parallel > MAX_PARALLEL) {
      throw new UsageError(`invalid argument "${parallel}" for "--parallel" flag: more than ${MAX_PARALLEL}`);
    }
    const [{ migrate }, { oldValuesName }, { globOf }, { DEFAULT_PARALLEL }] = await Promise.all([
      import("../keystore/migrate.js"),
      import("../keystore/old-values.js"),
      import("../keystore/glob-argument.js"),
      import("../keystore/transfer.js"),
    ]);
    return migrate(context, {
      ...{ from, to, tokens: globOf(pattern), json: options.json },
      mode: isChanging ? "copy" : options["dry-run"] ? "plan" : "compare",
      onConflict: options.force ? "replace" : options.merge ? "keep" : "abort",
      oldValues: oldValuesName(options["old-values"], new Date()),
      parallel: parallel ?? DEFAULT_PARALLEL,
    });
  },
});

/** The checks of KES's `migrate` with their words (KES reference §14.3), and its second form, which is refused. */
function endsOf(
  flags: {
    readonly from: string | undefined;
    readonly to: string | undefined;
    readonly server: string | undefined;
    readonly enclave: string | undefined;
    readonly "api-key": string | undefined;
    readonly insecure: boolean;
    readonly force: boolean;
    readonly merge: boolean;
  },
  env: Readonly<Record<string, string | undefined>>,
): { readonly from: string; readonly to: string } {
  const { from, to, server, enclave, "api-key": apiKey, insecure } = flags;
  if (flags.force && flags.merge) {
    throw new CommandError("'--force' and '--merge' flags are mutually exclusive");
  }
  if (from === undefined) throw new CommandError("no source specified. Use '--from' flag");
  if (to !== undefined) {
    if (server !== undefined) throw new CommandError("cannot use '-s / --server' and '--to' flag");
    if (enclave !== undefined) throw new CommandError("cannot use '-e / --enclave' and '--to' flag");
    if (apiKey !== undefined) throw new CommandError("cannot use '-a / --api-key' and '--to' flag");
    if (insecure) throw new CommandError("cannot use '-k / --insecure' and '--to' flag");
    return { from, to };
  }
  if (server === undefined && !env.MINIO_KMS_SERVER) {
    throw new CommandError("missing migration target. Use '--to' or '--server'");
  }
  if (enclave === undefined && !env.MINIO_KMS_ENCLAVE) {
    throw new CommandError("no KMS enclave specified. Use '--enclave'");
  }
  if (apiKey === undefined && !env.MINIO_KMS_API_KEY) {
    throw new CommandError("no KMS API key specified. Use '--api-key'");
  }
  throw new CommandError("keys cannot be uploaded to MinIO's own KMS: its protocol is not public", {
    hints: [
      "name the configuration of another key store with --to",
      "KES's own 'kes migrate' reads the same --from file and key store",
    ],
  });
}
