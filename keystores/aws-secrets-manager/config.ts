/** The section `keystore.aws.secretsmanager` of the configuration (KES configuration reference §11), and what is new. */

export interface AwsOptions {
  /** URL or host name; without it that of the region. */
  readonly endpoint?: string;
  readonly region?: string;
  readonly kmskey?: string;
  readonly credentials?: AwsCredentials;
  readonly delete?: { readonly recovery_window: number };
  readonly tags?: Readonly<Record<string, string>>;
  readonly status?: { readonly probe: string };
}

export interface AwsCredentials {
  readonly accesskey?: string;
  readonly secretkey?: string;
  readonly token?: string;
}

/** Days in which a deleted key can be brought back. */
export const RECOVERY_WINDOW_DAYS = 30;
/** A name that nobody gives a key: asking for it shows whether keys can be read. */
export const PROBE = "_keswick_probe";

/** What AWS allows, and 0 for none. */
const WINDOWS: readonly number[] = [0, ...Array.from({ length: 24 }, (_, i) => i + 7)];

const text = { type: "string", minLength: 1 } as const;

/** JSON Schema of {@link AwsOptions}. */
export const awsSchema = {
  type: "object",
  description: "Keys in AWS Secrets Manager, one secret for each key, as KES lays them out.",
  additionalProperties: false,
  properties: {
    endpoint: {
      ...text,
      description:
        "URL or host name of Secrets Manager, of a VPC endpoint or of an emulator; without it that of the region. " +
        "It is used for Secrets Manager alone, never for STS.",
    },
    region: {
      ...text,
      description:
        "Region; without it that in the endpoint's name, `$AWS_REGION`, or that of the AWS profile, in this order.",
    },
    kmskey: {
      ...text,
      description:
        "Id, ARN or alias of the KMS key that encrypts new keys; without it the account's `aws/secretsmanager`.",
    },
    credentials: {
      type: "object",
      additionalProperties: false,
      description:
        "An access key. Without it the AWS SDK's own chain: environment, files, single sign-on, web identity, " +
        "container, instance.",
      properties: {
        accesskey: { ...text, description: "Access key ID." },
        secretkey: { ...text, description: "Secret access key." },
        token: { ...text, description: "Session token of temporary credentials." },
      },
    },
    delete: {
      type: "object",
      additionalProperties: false,
      properties: {
        recovery_window: {
          type: "integer",
          enum: WINDOWS,
          default: RECOVERY_WINDOW_DAYS,
          description:
            "Days, 7 to 30, in which a deleted key can be brought back and its name is taken; 0 deletes at once and " +
            "for good, as KES does.",
        },
      },
    },
    tags: {
      type: "object",
      additionalProperties: { type: "string" },
      description: "Tags of new secrets. They need the permission `secretsmanager:TagResource`.",
    },
    status: {
      type: "object",
      additionalProperties: false,
      properties: {
        probe: {
          ...text,
          default: PROBE,
          description:
            "Name that is asked for to see whether keys can be read. No secret needs to have it, but the IAM policy " +
            "must allow `secretsmanager:GetSecretValue` on it.",
        },
      },
    },
  },
} as const;
