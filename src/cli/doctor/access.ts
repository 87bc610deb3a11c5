/** Who one is to a server, and whether a MinIO server could work as that. */
import { error, type Finding, ok, warning } from "../../api/status/finding.js";
import { featuresOfRelease, leastRules } from "../../policy/minio.js";
import { type Explanation, explainRequest } from "../../server/explanation.js";
import { changeText } from "../policy/explanation-text.js";
import { serverRulebook } from "../policy/rulebook.js";
import type { Remote } from "../remote/connect.js";

/** Without these no object can be written or read; the others make some of MinIO's features fail. */
const VITAL = /^\/v1\/key\/(?:generate|decrypt)\//;

/**
 * @param key - the key that a MinIO server would use; without it only who one is
 * @throws CommandError when the server does not tell
 */
export async function accessFindings(
  remote: Remote,
  key: string | undefined,
  nowMs: number,
): Promise<readonly Finding[]> {
  const { rulebook, asker } = await serverRulebook(remote, undefined, "/v1/status");
  const { identity } = asker;
  const { directory } = rulebook;
  if (directory.admin === identity) {
    return [ok("identity", `${identity} is the admin, whom no policy holds back`)];
  }
  const named = directory.policyOf(identity);
  if (named === undefined) {
    const remedy =
      `add it to the server's configuration, policy.<name>.identities: - ${identity}; then 'kes server reload', ` +
      "or SIGHUP to the server";
    return [error("identity", `the server knows no policy for ${identity}`, remedy)];
  }
  const who = ok("identity", `${identity} has the policy '${named.name}'`);
  if (key === undefined) return [who];
  const day = new Date(nowMs).toISOString().slice(0, 10);
  const refused = leastRules([key], featuresOfRelease(day)).flatMap(({ description, patterns }) =>
    patterns
      .map((path) => explainRequest(path, identity, rulebook))
      .filter(({ verdict }) => verdict !== "allowed")
      .map((explanation) => refusal(explanation, description)),
  );
  if (refused.length > 0) return [who, ...refused];
  return [who, ok("policy", `it allows what MinIO needs with the key '${key}'`)];
}

function refusal({ path, policy, changes }: Explanation, description: string): Finding {
  const steps = changes.flatMap((change) => changeText(change, policy));
  const remedy = `${steps.join("; ")}; then 'kes server reload'`;
  const make = VITAL.test(path) ? error : warning;
  return make("policy", `'${policy}' does not allow ${path}, which MinIO needs for ${description}`, remedy);
}
