/** `kes policy for minio`: the least policy that a MinIO server needs. */
import { UsageError } from "../../errors.js";
import { command } from "../command.js";

export const policyForCommand = command({
  usage: "kes policy for minio --key NAME... [flags]",
  description:
    "Writes the least policy that a MinIO server needs, as a document for 'policy.<name>.file' of a configuration; " +
    "with --identity as a section to paste into it. Without --release it is for MinIO of today. " +
    "Features: create (the default key at the start, 'mc admin kms key create'), list ('mc admin kms key list'), " +
    "status ('mc admin info'), metrics, hmac (root credentials from the key server), console (its key and policy " +
    "pages, 2022 to early 2024), and what comes with the release: describe (warm-up, since May 2024), bulk (fast " +
    "listing, March 2022 to August 2023).",
  options: {
    key: {
      type: "list",
      value: "NAME",
      description:
        "Key of MinIO, its default key first; with a final * all that begin so (default $MINIO_KMS_KES_KEY_NAME)",
    },
    release: {
      type: "string",
      value: "RELEASE",
      description: "Age of the MinIO server: RELEASE.2023-06-19T19-52-50Z, or a date",
    },
    features: {
      type: "list",
      value: "LIST",
      description:
        "What MinIO is used for besides encryption: none, or some of those above (default create,list,status)",
    },
    identity: {
      type: "list",
      value: "ID",
      description: "Whom the policy holds for: an identity, or the file of a certificate",
    },
    name: {
      type: "string",
      value: "NAME",
      description: "Name of the policy, with --identity (default minio)",
    },
  },
  args: [1, 1],
  examples: [
    "kes policy for minio --key my-minio-key",
    "kes policy for minio --key my-minio-key --key 'tenant-*' --features create,list,status,hmac",
    "kes policy for minio --key my-minio-key --release RELEASE.2023-06-19T19-52-50Z",
  ],

  async run({ args: [what], options }, context) {
    if (what !== "minio")
      throw new UsageError(`no policy for "${what}" is known. See 'kes policy for --help'`);
    const { leastPolicy } = await import("../policy/least-policy.js");
    const text = await leastPolicy(
      {
        keys: options.key,
        release: options.release,
        features: options.features,
        identities: options.identity,
        name: options.name,
      },
      context,
    );
    context.output.data(text);
    return undefined;
  },
});
