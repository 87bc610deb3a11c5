/** What a MinIO server asks of a key server, and when it began and ceased to (MinIO client reference §4.1, §6). */
import { isName, patternPrefix } from "../names.js";

/** Something that a MinIO server does beside writing and reading encrypted objects. */
export interface MinioFeature {
  readonly description: string;
  /** Paths that are followed by a key's name: the default key's alone, or every key's. */
  readonly keyPaths?: readonly string[];
  readonly defaultKeyOnly?: true;
  /** Patterns that name no key. */
  readonly patterns?: readonly string[];
  /** First and last day of the releases that do it, as ISO dates; absent: always. */
  readonly since?: string;
  readonly until?: string;
  /**
   * `usual`: part of a policy unless the operator says otherwise. `always`: not a matter of choice, every server of
   * those releases does it. `chosen`: only where somebody uses it.
   */
  readonly need: "usual" | "always" | "chosen";
}

export const minioFeatures = {
  create: {
    description: "the default key, made at the start; `mc admin kms key create`",
    keyPaths: ["/v1/key/create/"],
    need: "usual",
  },
  describe: {
    description: "the look at the default key every ten seconds",
    keyPaths: ["/v1/key/describe/"],
    defaultKeyOnly: true,
    since: "2024-05-01",
    need: "always",
  },
  list: { description: "`mc admin kms key list`", patterns: ["/v1/key/list/*"], need: "usual" },
  status: {
    description: "status pages and `mc admin info`",
    patterns: ["/v1/status", "/v1/api"],
    need: "usual",
  },
  metrics: {
    description: "figures of the key server through MinIO",
    patterns: ["/v1/metrics"],
    need: "chosen",
  },
  hmac: {
    description: "root credentials derived by the key server, without MINIO_ROOT_USER",
    keyPaths: ["/v1/key/hmac/"],
    defaultKeyOnly: true,
    since: "2024-03-01",
    need: "chosen",
  },
  bulk: {
    description: "fast listing, MinIO of 2022 and 2023",
    keyPaths: ["/v1/key/bulk/decrypt/"],
    patterns: ["/v1/identity/self/describe"],
    since: "2022-03-01",
    until: "2023-08-31",
    need: "always",
  },
  console: {
    description: "key and policy pages of the console, 2022 to early 2024",
    patterns: ["/v1/policy/list/*", "/v1/policy/describe/*", "/v1/identity/list/*"],
    since: "2022-01-01",
    until: "2024-04-30",
    need: "chosen",
  },
} as const satisfies Record<string, MinioFeature>;

export type MinioFeatureName = keyof typeof minioFeatures;

/** In the order of the table. */
export const minioFeatureNames = Object.keys(minioFeatures).filter(isMinioFeature);

export function isMinioFeature(text: string): text is MinioFeatureName {
  return Object.hasOwn(minioFeatures, text);
}

/** Routes that no MinIO ever called: what they do beyond reading is the power that a policy for it should not give. */
export const UNUSED_BY_MINIO: ReadonlySet<string> = new Set([
  "/v1/key/import/",
  "/v1/key/delete/",
  "/v1/key/encrypt/",
  "/v1/log/audit",
  "/v1/log/error",
  "/v1/log/audit/trace",
  "/v1/log/error/trace",
]);

/** What a usual policy for MinIO names, most important first. */
export const USUAL_FOR_MINIO: readonly string[] = [
  "/v1/key/generate/",
  "/v1/key/decrypt/",
  "/v1/key/create/",
  "/v1/key/describe/",
  "/v1/key/list/",
  "/v1/status",
  "/v1/api",
];

/**
 * The day of a MinIO release, `RELEASE.2023-06-19T19-52-50Z`, with or without the word and the time; or undefined
 * when `text` is none.
 */
export function releaseDay(text: string): string | undefined {
  const day = /^(?:RELEASE\.)?(\d{4}-\d{2}-\d{2})(?:T\d{2}-\d{2}-\d{2}Z.*)?$/.exec(text.trim())?.[1];
  if (day === undefined) return undefined;
  const date = new Date(`${day}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(day) ? day : undefined;
}

/** What a MinIO server does that was released on `day`; the chosen features are added where there were any then. */
export function featuresOfRelease(
  day: string,
  chosen?: readonly MinioFeatureName[],
): readonly MinioFeatureName[] {
  return minioFeatureNames.filter((name) => {
    if (!existed(name, day)) return false;
    const { need } = minioFeatures[name];
    return need === "always" || (chosen === undefined ? need === "usual" : chosen.includes(name));
  });
}

/** True when MinIO servers released on `day` had the feature. */
export function existed(name: MinioFeatureName, day: string): boolean {
  const { since = "", until = "9999" }: MinioFeature = minioFeatures[name];
  // ISO dates are in the order of their text.
  return since <= day && day <= until;
}

/** A key that MinIO uses, or, with a `*` at its end, all that begin so. */
export function isKeyPattern(text: string): boolean {
  return isName(text) || (text.endsWith("*") && patternPrefix(text) !== undefined);
}

/** Allow rules with what they are for. */
export interface RuleGroup {
  readonly description: string;
  readonly patterns: readonly string[];
}

/**
 * The allow rules of the least policy.
 * @param keys - the default key first; each passes {@link isKeyPattern}
 */
export function leastRules(
  keys: readonly [string, ...string[]],
  features: readonly MinioFeatureName[],
): readonly RuleGroup[] {
  const all = withoutCovered(keys);
  const [defaultKey] = keys;
  const groups: RuleGroup[] = [
    {
      description: "a data key for each object that is written",
      patterns: under(["/v1/key/generate/"], all),
    },
    { description: "the data key of each object that is read", patterns: under(["/v1/key/decrypt/"], all) },
  ];
  for (const name of minioFeatureNames.filter((one) => features.includes(one))) {
    const { description, keyPaths = [], defaultKeyOnly, patterns = [] }: MinioFeature = minioFeatures[name];
    const names = defaultKeyOnly ? [defaultKey] : all;
    groups.push({ description, patterns: [...under(keyPaths, names), ...patterns] });
  }
  return groups;
}

function under(paths: readonly string[], names: readonly string[]): string[] {
  return paths.flatMap((path) => names.map((name) => path + name));
}

/** Names without those that another one covers: `a-*` says what `a-b` does. */
function withoutCovered(names: readonly string[]): readonly string[] {
  const unique = [...new Set(names)];
  return unique.filter(
    (name) =>
      !unique.some((other) => other !== name && other.endsWith("*") && name.startsWith(other.slice(0, -1))),
  );
}
