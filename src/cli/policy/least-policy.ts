/** The YAML text that `kes policy for minio` writes. */
import { UsageError } from "../../errors.js";
import { policyName } from "../../names.js";
import {
  existed,
  featuresOfRelease,
  isKeyPattern,
  isMinioFeature,
  leastRules,
  type MinioFeatureName,
  minioFeatureNames,
  minioFeatures,
  releaseDay,
} from "../../policy/minio.js";
import type { CommandContext } from "../command.js";
import { readIdentity } from "./identity-argument.js";

/** Flags as given. */
export interface LeastPolicyOptions {
  readonly keys: readonly string[];
  readonly release: string | undefined;
  readonly features: readonly string[];
  readonly identities: readonly string[];
  readonly name: string | undefined;
}

/** Any day after all of MinIO's public releases: today's policy does not depend on the day it is written. */
const TODAY = "9998-12-31";

/** @throws UsageError about what cannot be */
export async function leastPolicy(options: LeastPolicyOptions, context: CommandContext): Promise<string> {
  const { release, identities, name = "minio" } = options;
  if (policyName(name) === undefined) throw new UsageError(`'${name}' is no valid name of a policy`);
  if (options.name !== undefined && identities.length === 0) {
    throw new UsageError("'--name' needs '--identity': a document has no name of its own");
  }
  const keys = keysOf(options.keys, context);
  const day = release === undefined ? TODAY : releaseDay(release);
  if (day === undefined) {
    throw new UsageError(
      `'${release}' is no MinIO release: write RELEASE.2023-06-19T19-52-50Z or 2023-06-19`,
    );
  }
  const chosen = featuresOf(options.features);
  for (const one of chosen ?? []) {
    if (!existed(one, day) && release !== undefined) {
      context.output.note(`MinIO of ${day} does not have '${one}' (${minioFeatures[one].description})`);
    }
  }
  const features = allFeatures(day, chosen, release !== undefined);
  const age = release === undefined ? "a MinIO server of today" : `a MinIO server of ${day}`;
  const head = [`# The least policy for ${age}.`, "# Written by: kes policy for minio"];
  const rules = leastRules(keys, features).flatMap(({ description, patterns }) => [
    `# ${capital(description)}.`,
    ...patterns.map((pattern) => `- ${pattern}`),
  ]);
  if (identities.length === 0) return lines([...head, "allow:", ...rules]);
  const holders: string[] = [];
  for (const word of identities) holders.push(await readIdentity(word, context));
  return lines([
    ...head,
    "policy:",
    `  ${quoted(name)}:`,
    ...["allow:", ...rules, "identities:", ...new Set(holders.map((one) => `- ${quoted(one)}`))].map(
      (line) => `    ${line}`,
    ),
  ]);
}

function keysOf(given: readonly string[], { env }: CommandContext): readonly [string, ...string[]] {
  const fallback = env.MINIO_KMS_KES_KEY_NAME ?? "";
  const [first, ...more] = given.length === 0 && fallback !== "" ? [fallback] : given;
  if (first === undefined) throw new UsageError("no key: give MinIO's default key with '--key'");
  for (const key of [first, ...more]) {
    if (!isKeyPattern(key))
      throw new UsageError(`'${key}' is neither a key's name nor the beginning of one with '*'`);
  }
  return [first, ...more];
}

/** Undefined: none were named, so the usual ones are meant. */
function featuresOf(given: readonly string[]): readonly MinioFeatureName[] | undefined {
  if (given.length === 0) return undefined;
  if (given.length === 1 && given[0] === "none") return [];
  return given.map((word) => {
    if (isMinioFeature(word)) return word;
    throw new UsageError(`unknown feature '${word}': choose of ${minioFeatureNames.join(", ")}, or none`);
  });
}

/** With a release, what its age implies is added to what was chosen; without, what was chosen is all. */
function allFeatures(
  day: string,
  chosen: readonly MinioFeatureName[] | undefined,
  hasRelease: boolean,
): readonly MinioFeatureName[] {
  if (chosen !== undefined && !hasRelease) return chosen;
  return featuresOfRelease(day, chosen);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Digits alone would be a number to other readers of YAML. */
function quoted(text: string): string {
  return /^[A-Za-z][\w-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text)
    ? text
    : `"${text}"`;
}

function lines(all: readonly string[]): string {
  return `${all.join("\n")}\n`;
}
