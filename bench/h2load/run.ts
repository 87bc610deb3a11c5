/** One run of h2load and what it says. */
import { run } from "../../test/support/child-process.js";
import { pinned } from "../compare/pinning.js";
import type { Row } from "../compare/rows.js";

export interface H2loadResult {
  readonly requests: number;
  readonly perSecond: number;
  /** Mean and greatest time of a request in microseconds, as h2load sees it. */
  readonly meanMicros: number;
  readonly maxMicros: number;
}

const TIMEOUT_MS = 120_000;

/**
 * @param url - of a relay, with the path
 * @param body - file with the body of every request
 * @throws Error when a single request had no answer, or another than 2xx
 */
export async function runH2load(
  h2load: string,
  { protocol, connections, streams }: Row,
  { url, body, requests }: { readonly url: string; readonly body: string; readonly requests: number },
): Promise<H2loadResult> {
  const { code, stdout, stderr } = await run(
    pinned("generator", [
      ...([h2load, `--requests=${requests}`, `--clients=${connections}`] as const),
      ...(protocol === "h1" ? ["--h1"] : [`--max-concurrent-streams=${streams}`]),
      ...["--header", "content-type: application/json", "--data", body, url],
    ]),
    { timeoutMs: TIMEOUT_MS },
  );
  const all = `${requests} total, ${requests} started, ${requests} done, ${requests} succeeded, 0 failed, 0 errored`;
  if (code !== 0 || !stdout.includes(all) || !stdout.includes(`status codes: ${requests} 2xx`))
    throw new Error(`h2load: ${stderr}${stdout.slice(-600)}`);
  const rate = /finished in .*?, ([\d.]+) req\/s/.exec(stdout)?.[1];
  const times = /^time for request: +\S+ +(\S+) +(\S+)/m.exec(stdout);
  return {
    requests,
    perSecond: Number(rate),
    meanMicros: micros(times?.[2]),
    maxMicros: micros(times?.[1]),
  };
}

/** `152us`, `1.27ms`, `3.10s`. */
function micros(text = ""): number {
  const [, figure, unit = ""] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number(figure) * ({ us: 1, ms: 1_000, s: 1_000_000 }[unit] ?? Number.NaN);
}
