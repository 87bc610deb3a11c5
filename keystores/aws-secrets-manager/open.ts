/** Opens the keystore: the module that loads the AWS SDK. */
import { SecretsManagerClient, type SecretsManagerClientConfig } from "@aws-sdk/client-secrets-manager";
import type { Keystore } from "../../src/keystore/contract.js";
import { AwsCalls } from "./calls.js";
import { type AwsCredentials, type AwsOptions, PROBE, RECOVERY_WINDOW_DAYS } from "./config.js";
import type { AwsEnvironment } from "./environment.js";
import { AwsHttp } from "./http.js";
import { isUnencrypted, placeOf } from "./place.js";
import { Secrets } from "./secrets.js";
import { AwsKeystore } from "./store.js";

/** Connects nothing yet: the first call does. @throws Error that names the option to mend */
export async function openAws(
  options: AwsOptions,
  warn: (message: string) => void,
  env: AwsEnvironment,
): Promise<Keystore> {
  const place = placeOf(options);
  const identity = staticIdentity(options.credentials ?? {});
  if (isUnencrypted(place)) warn("aws: 'endpoint' begins with http://: keys travel unencrypted");
  // The SDK hands its settings on to its credential providers; so they read files again that a rotation has rewritten.
  const config: SecretsManagerClientConfig & { readonly ignoreCache: boolean } = {
    ...place,
    ...(identity === undefined ? {} : { credentials: identity }),
    ignoreCache: true,
    requestHandler: new AwsHttp(env),
    // Repeats are made here, where it is known what a lost answer means.
    maxAttempts: 1,
    retryMode: "standard",
    logger: loggerOf(warn),
  };
  const client = new SecretsManagerClient(config);
  try {
    const region = await regionOf(client);
    const secrets = new Secrets(new AwsCalls(client, env, warn), {
      ...(options.kmskey === undefined ? {} : { kmsKey: options.kmskey }),
      ...(options.tags === undefined ? {} : { tags: options.tags }),
      recoveryWindowDays: options.delete?.recovery_window ?? RECOVERY_WINDOW_DAYS,
    });
    return new AwsKeystore({
      place: options.endpoint ?? region,
      secrets,
      env,
      warn,
      probe: options.status?.probe ?? PROBE,
    });
  } catch (error) {
    client.destroy();
    throw error;
  }
}

async function regionOf(client: SecretsManagerClient): Promise<string> {
  try {
    return await client.config.region();
  } catch (cause) {
    throw new Error("aws: no region: set 'region', or AWS_REGION", { cause });
  }
}

/** As KES: one of the three is enough to say that the access key is given here. */
function staticIdentity({ accesskey, secretkey, token }: AwsCredentials):
  | {
      readonly accessKeyId: string;
      readonly secretAccessKey: string;
      readonly sessionToken?: string;
    }
  | undefined {
  if (!accesskey && !secretkey && !token) return undefined;
  if (!accesskey) throw new Error("aws: 'credentials.accesskey' is missing");
  if (!secretkey) throw new Error("aws: 'credentials.secretkey' is missing");
  return {
    accessKeyId: accesskey,
    secretAccessKey: secretkey,
    ...(token ? { sessionToken: token } : {}),
  };
}

/** What the SDK wants an operator to know goes where everything else goes, and not to the console. */
function loggerOf(warn: (message: string) => void): NonNullable<SecretsManagerClientConfig["logger"]> {
  const nothing = (): void => {};
  return {
    debug: nothing,
    info: nothing,
    error: nothing,
    warn: (...words: unknown[]) => warn(`aws: ${words.filter((word) => typeof word === "string").join(" ")}`),
  };
}
