/**
 * What a decrypt costs when its key is not in memory, and how much of that is AWS Secrets Manager's (moto): next to the
 * same read by curl on a kept connection; and how long 5,000 keys take to list: `npm run aws:latency`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isRecord } from "../src/config/schema-view.js";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite } from "../test/support/cli-site.js";
import { Moto, REGION } from "../test/support/moto.js";
import { service } from "../test/support/services/index.js";
import { awsKeystore } from "./keystore-load/aws.js";
import { LATENCY_CACHE, measureLatency } from "./keystore-load/latency.js";

const LIST_TIMEOUT_MS = 60_000;
/** Most that AWS gives at once. */
const AWS_PAGE = 100;
/** moto looks at no signature, but finds the region in it. */
const SIGNATURE = `AWS4-HMAC-SHA256 Credential=x/20260101/${REGION}/secretsmanager/aws4_request, SignedHeaders=host, Signature=0`;
const CONTENT_TYPE = "application/x-amz-json-1.1";

const program = service("moto");
if (program === undefined) throw new Error("moto is missing: npm run services -- moto");
const cleanUp = new CleanUp();
try {
  await measure(program);
} finally {
  await cleanUp.run();
}

async function measure(moto: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-aws-latency-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const aws = await Moto.start(moto, folder);
  cleanUp.add(() => aws.stop());
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  await site.configure({ keystore: awsKeystore(aws.url), cache: LATENCY_CACHE });
  await measureLatency({
    ...{ name: "AWS", folder, site },
    curl: (name) => [
      `url = "${aws.url}/"`,
      `header = "Content-Type: ${CONTENT_TYPE}"`,
      'header = "X-Amz-Target: secretsmanager.GetSecretValue"',
      `header = "Authorization: ${SIGNATURE}"`,
      `data = "{\\"SecretId\\":\\"${name}\\"}"`,
    ],
    list: () => listAll(aws.url),
  });
}

/** Every page of AWS's own listing. */
async function listAll(url: string): Promise<{ count: number; calls: number }> {
  let [count, calls] = [0, 0];
  let token: string | undefined;
  do {
    const response = await fetch(url, {
      method: "POST",
      headers: {
        "content-type": CONTENT_TYPE,
        "x-amz-target": "secretsmanager.ListSecrets",
        authorization: SIGNATURE,
      },
      body: JSON.stringify({ MaxResults: AWS_PAGE, ...(token === undefined ? {} : { NextToken: token }) }),
      signal: AbortSignal.timeout(LIST_TIMEOUT_MS),
    });
    if (!response.ok) throw new Error(`ListSecrets: ${response.status}`);
    const page: unknown = await response.json();
    if (!isRecord(page) || !Array.isArray(page.SecretList)) throw new Error("ListSecrets: no list");
    count += page.SecretList.length;
    token = typeof page.NextToken === "string" ? page.NextToken : undefined;
    calls++;
  } while (token !== undefined);
  return { count, calls };
}
