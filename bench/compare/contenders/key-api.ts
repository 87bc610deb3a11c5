/** What is asked of servers that speak KES's API: ours, the original, the yardstick. */
import { ApiClient } from "../../../test/support/api-client.js";
import type { TestCertificate } from "../../../test/support/certificates.js";
import type { LoadRequest } from "../generator.js";
import { type Kind, send } from "./contender.js";

export const KEY = "bench";
/** Different requests that take turns, as those of different objects are. */
const VARIANTS = 32;
const HEADERS = { "content-type": "application/json" };

/** A POST of KES's API with a JSON body, as its Go client sends it. */
export function post(path: string, body: object): LoadRequest {
  return { method: "POST", path, headers: HEADERS, body: JSON.stringify(body) };
}

/**
 * Creates the key and prepares both operations.
 * @param creator - who may create keys
 * @param client - who asks during the load
 */
export async function prepareKeyApi(
  port: number,
  creator: TestCertificate,
  client: TestCertificate,
): Promise<Required<Pick<Kind, "requests" | "opening">>> {
  const created = await new ApiClient("h1", port, creator).send({
    method: "POST",
    path: `/v1/key/create/${KEY}`,
    framing: "none",
  });
  if (created.status !== 200) throw new Error(`create: ${created.status} ${created.body}`);
  const asking = new ApiClient("h1", port, client);
  const generate: LoadRequest[] = [];
  const decrypt: LoadRequest[] = [];
  for (let i = 0; i < VARIANTS; i++) {
    // The context that a storage server binds a data key to.
    const context = Buffer.from(`{"bucket":"bucket/some/object-${i}"}`).toString("base64");
    const request = post(`/v1/key/generate/${KEY}`, { context });
    generate.push(request);
    const { status, body } = await send(asking, request);
    if (status !== 200) throw new Error(`generate: ${status} ${body}`);
    const dek = JSON.parse(body) as { plaintext: string; ciphertext: string };
    decrypt.push({ ...opening(request, dek.ciphertext), plaintext: dek.plaintext });
  }
  return { requests: { generate, decrypt }, opening };
}

function opening({ body = "{}" }: LoadRequest, ciphertext: string): LoadRequest {
  const { context } = JSON.parse(body) as { context: string };
  return post(`/v1/key/decrypt/${KEY}`, { ciphertext, context });
}
