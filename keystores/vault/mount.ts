/** What is mounted where the keys are to be: asked once at start, so that a wrong `version` is not found out by loss. */
import { unusable } from "../../src/keystore/faults.js";
import { expectSuccess, isAbsent, objectOf } from "./answer.js";
import { joined, readAt } from "./kv.js";
import type { VaultSession } from "./session.js";

/**
 * The version of the KV engine at `engine`, or undefined when the log-in may not know.
 * @throws Error naming the option when there is no KV engine; KesError for an outage
 */
export async function kvVersionAt(
  session: VaultSession,
  engine: string,
  namespace: string | undefined,
): Promise<"v1" | "v2" | undefined> {
  const path = joined("sys/internal/ui/mounts", engine);
  const answer = await readAt(session, path, namespace === undefined ? {} : { namespace });
  // 403 is the answer for a mount that is missing, or that no policy of the token names.
  if (answer.status === 403 || isAbsent(answer)) return undefined;
  const data = objectOf(expectSuccess(answer).body?.data);
  if (data === undefined) {
    throw unusable(
      `vault: ${answer.request}: the answer is not Vault's: check the endpoint and proxies between`,
    );
  }
  if (data.type !== "kv" && data.type !== "generic") {
    throw new Error(
      `vault: the engine mounted at '${engine}' is of the type '${String(data.type)}' and no KV engine: check 'engine'`,
    );
  }
  return objectOf(data.options)?.version === "2" ? "v2" : "v1";
}
