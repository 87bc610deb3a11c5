/** The least policy in the language of IAM (KES keystore reference §7). */
import type { KeystorePermissions } from "../../src/keystore/adapter.js";
import type { AwsOptions } from "./config.js";
import { placeOf } from "./place.js";

interface Statement {
  readonly Sid: string;
  readonly Effect: "Allow";
  readonly Action: readonly string[];
  readonly Resource: string;
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export function awsPermissions(options: AwsOptions): KeystorePermissions {
  const region = placeOf(options).region ?? "*";
  const statements = [...secretStatements(options, region), ...kmsStatements(options.kmskey, region)];
  return {
    policy: `${JSON.stringify({ Version: "2012-10-17", Statement: statements }, undefined, 2)}\n`,
    notes: [
      "put it into force with: aws iam put-role-policy --role-name ROLE --policy-name keswick --policy-document file://FILE",
      "narrow 'secret:*' to the names of your keys and to the probe, " +
        `'${options.status?.probe ?? "_keswick_probe"}', where other secrets are in the account`,
      ...(options.kmskey === undefined
        ? ["the account's key aws/secretsmanager needs no permission of its own"]
        : ["the policy of the KMS key must allow the same, or leave it to IAM"]),
    ],
    lacking(_operation, error) {
      const permission = permissionIn(error);
      if (permission === undefined) return undefined;
      const holds = ({ Action }: Statement): boolean =>
        Action.some((each) => each === permission || (permission === "kms" && each.startsWith("kms:")));
      const statement = statements.find(holds);
      return statement === undefined ? undefined : JSON.stringify(statement);
    },
  };
}

function secretStatements({ tags }: AwsOptions, region: string): readonly Statement[] {
  return [
    {
      Sid: "KeswickKeys",
      Effect: "Allow",
      Action: [
        "secretsmanager:CreateSecret",
        "secretsmanager:GetSecretValue",
        "secretsmanager:DeleteSecret",
        "secretsmanager:ListSecretVersionIds",
        ...(tags === undefined || Object.keys(tags).length === 0 ? [] : ["secretsmanager:TagResource"]),
      ],
      Resource: `arn:${partitionOf(region)}:secretsmanager:${region}:*:secret:*`,
    },
    // IAM knows no narrower resource for listings.
    { Sid: "KeswickList", Effect: "Allow", Action: ["secretsmanager:ListSecrets"], Resource: "*" },
  ];
}

function kmsStatements(key: string | undefined, region: string): readonly Statement[] {
  if (key === undefined) return [];
  const keys = `arn:${partitionOf(region)}:kms:${region}:*:key/`;
  const isAlias = key.startsWith("alias/") || /:alias\//.test(key);
  const via = `secretsmanager.${region}.${region.startsWith("cn-") ? "amazonaws.com.cn" : "amazonaws.com"}`;
  return [
    {
      Sid: "KeswickKms",
      Effect: "Allow",
      Action: ["kms:Decrypt", "kms:GenerateDataKey"],
      // A policy cannot name an alias as a resource: it would grant the alias and not the key behind it.
      Resource: isAlias ? `${keys}*` : key.startsWith("arn:") ? key : keys + key,
      Condition: {
        StringLike: { "kms:ViaService": via },
        ...(isAlias
          ? { "ForAnyValue:StringEquals": { "kms:ResourceAliases": key.slice(key.indexOf("alias/")) } }
          : {}),
      },
    },
  ];
}

function partitionOf(region: string): string {
  if (region.startsWith("cn-")) return "aws-cn";
  return region.startsWith("us-gov-") ? "aws-us-gov" : "aws";
}

/** What was denied, in a chain of causes. Told by its shape: this module is loaded without the AWS SDK. */
function permissionIn(error: unknown): string | undefined {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at.name === "AwsFailure" && "permission" in at && typeof at.permission === "string")
      return at.permission;
  }
  return undefined;
}
