/** The load, and what is killed meanwhile. */
import { setTimeout as delay } from "node:timers/promises";
import * as aws from "@aws-sdk/client-s3";
import { LoadClient, s3Client } from "./client.js";
import { type GatewaySite, type GatewayTools, type Restartable, startGatewaySite } from "./site.js";
import { Tally } from "./tally.js";

export interface GatewaysOptions {
  readonly tools: GatewayTools;
  /** Of the load; it goes on until what was killed last is back. */
  readonly seconds: number;
  readonly clients: number;
  /** Between the key server's being back and its next end. */
  readonly keyServerEveryMs: number;
  readonly gatewayEveryMs: number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly progress: (text: string) => void;
}

export interface GatewaysReport {
  readonly tally: Tally;
  readonly seconds: number;
  /** Of each outage of the key server, milliseconds. */
  readonly outagesMs: readonly number[];
  readonly gatewayKills: number;
  /** Acknowledged objects at the end. */
  readonly objects: number;
  /** Of them gone or altered; and deleted ones that are there. */
  readonly lost: number;
}

const BUCKET = "gateways";
/** A gateway does not start without its key server, and is started again then, as by a service manager. */
const START_ATTEMPTS = 30;
const START_PAUSE_MS = 500;

export async function runGateways(options: GatewaysOptions): Promise<GatewaysReport> {
  const site = await startGatewaySite(options.tools);
  try {
    return await loaded(site, options);
  } finally {
    await site.stop();
  }
}

async function loaded(site: GatewaySite, options: GatewaysOptions): Promise<GatewaysReport> {
  const { seconds, random, progress } = options;
  await createBucket(site);
  const tally = new Tally();
  const clients = Array.from(
    { length: options.clients },
    (_, i) => new LoadClient(`client-${i}`, { ...site, bucket: BUCKET, tally, random }),
  );
  try {
    const begun = performance.now();
    const ends = begun + seconds * 1_000;
    const killers = Promise.all([
      killKeyServer(site.keyServer, options, ends),
      killGateways(site.gateways, options, ends),
    ]);
    let isOver = false;
    const over = killers.finally(() => {
      isOver = true;
    });
    // Looked at below; until then a failure must not count as unhandled.
    over.catch(() => undefined);
    await Promise.all(
      clients.map(async (client) => {
        while (!isOver || performance.now() < ends) await client.step();
      }),
    );
    const [outagesMs, gatewayKills] = await over;
    const took = (performance.now() - begun) / 1_000;
    progress("reading everything back");
    const ended = await Promise.all(clients.map((client) => client.readBack()));
    return {
      ...{ tally, seconds: took, outagesMs, gatewayKills },
      objects: ended.reduce((sum, each) => sum + each.objects, 0),
      lost: ended.reduce((sum, each) => sum + each.lost, 0),
    };
  } finally {
    for (const client of clients) client.close();
  }
}

async function createBucket(site: GatewaySite): Promise<void> {
  const client = s3Client(site);
  try {
    await client.send(new aws.CreateBucketCommand({ Bucket: BUCKET }));
  } finally {
    client.destroy();
  }
}

/** @returns how long each outage took */
async function killKeyServer(
  server: Restartable,
  { keyServerEveryMs, progress }: GatewaysOptions,
  ends: number,
): Promise<readonly number[]> {
  const outagesMs: number[] = [];
  for (;;) {
    await delay(keyServerEveryMs);
    const killed = performance.now();
    await server.kill();
    await server.start();
    outagesMs.push(performance.now() - killed);
    progress(`${server.name} was away for ${Math.round(performance.now() - killed)} ms`);
    if (performance.now() + keyServerEveryMs > ends) return outagesMs;
  }
}

/** One after another. @returns how many */
async function killGateways(
  gateways: readonly Restartable[],
  { gatewayEveryMs, progress }: GatewaysOptions,
  ends: number,
): Promise<number> {
  for (let kills = 0; ; ) {
    await delay(gatewayEveryMs);
    const gateway = gateways[kills % gateways.length];
    if (gateway === undefined) throw new Error("there is no gateway");
    const killed = performance.now();
    await gateway.kill();
    await started(gateway);
    kills++;
    progress(`${gateway.name} was away for ${Math.round(performance.now() - killed)} ms`);
    if (performance.now() + gatewayEveryMs > ends) return kills;
  }
}

async function started(gateway: Restartable): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await gateway.start();
    } catch (error) {
      if (attempt === START_ATTEMPTS) throw error;
      await delay(START_PAUSE_MS);
    }
  }
}
