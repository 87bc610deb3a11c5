/**
 * What clients feel while AWS Secrets Manager (moto) throttles, refuses connections, hangs up, hangs, loses answers, and
 * finds credentials expired, under load with a warm cache and the offline window on: `npm run aws:outage`, two minutes.
 *
 * moto keeps its secrets in memory and would lose them with a restart, so a proxy in front of it fails in its place.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { awsError, awsTarget } from "../test/support/aws-answers.js";
import { CleanUp } from "../test/support/clean-up.js";
import { makeCliSite } from "../test/support/cli-site.js";
import { type Fault, FaultProxy } from "../test/support/fault-proxy.js";
import { Moto } from "../test/support/moto.js";
import { service } from "../test/support/services/index.js";
import { awsKeystore } from "./keystore-load/aws.js";
import { OUTAGE_CACHE, OutageLoad } from "./keystore-load/outage.js";

const throttled = awsError(400, "ThrottlingException", "Rate exceeded");
const expired = awsError(
  400,
  "ExpiredTokenException",
  "The security token included in the request is expired",
);

const program = service("moto");
if (program === undefined) throw new Error("moto is missing: npm run services -- moto");
const cleanUp = new CleanUp();
try {
  await play(program);
} finally {
  await cleanUp.run();
}

async function play(moto: string): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-aws-outage-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  const aws = await Moto.start(moto, folder);
  cleanUp.add(() => aws.stop());
  const proxy = await FaultProxy.start(aws.url);
  cleanUp.add(() => proxy.stop());
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  await site.configure({ keystore: awsKeystore(proxy.url), cache: OUTAGE_CACHE });
  const load = await OutageLoad.start(site, cleanUp);

  const faults: string[] = [];
  /** `faultOf` decides about each call to AWS, counted from 0, until the step is over. */
  const failing = async (
    what: string,
    faultOf: (call: number, action: string | undefined) => Fault | undefined,
  ): Promise<void> => {
    let calls = 0;
    let met = 0;
    const change = async (): Promise<void> => {
      proxy.script = (_, __, headers) => {
        const fault = faultOf(calls++, awsTarget(headers));
        if (fault !== undefined) met++;
        return fault;
      };
    };
    await load.step(what, change, async () => {
      proxy.script = () => undefined;
    });
    faults.push(`${what} ${met} of ${calls}`);
    if (met === 0) throw new Error(`'${what}': nothing was asked of AWS, so this shows nothing`);
  };
  await load.step("all is well", async () => {});
  await failing("half of the calls throttled", (call) => (call % 2 === 0 ? throttled : undefined));
  await failing("every call throttled", () => throttled);
  await load.step(
    "connections refused",
    () => proxy.refuse(),
    () => proxy.accept(),
  );
  await failing("AWS hangs up", () => "lose the request");
  await failing("AWS takes calls and says nothing", () => "hang");
  let creates = 0;
  await failing("half of the creates unanswered", (_, action) =>
    action === "CreateSecret" && creates++ % 2 === 0 ? "lose the answer" : undefined,
  );
  await failing("every answer lost", () => "lose the answer");
  await failing("the credentials have expired", () => expired);
  await load.finish();
  console.log(`calls to AWS that met a fault: ${faults.join(", ")}`);
}
