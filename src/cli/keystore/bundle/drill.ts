/** Going through a bundle without changing anything: that it is whole, and what its keys are good for. */
import { opensCanary } from "../canary.js";
import { NameList } from "../tally.js";
import type { BundleAbout, BundleKey } from "./records.js";

export interface DrillFacts {
  readonly about: BundleAbout;
  readonly count: number;
  /** Keys that opened what was sealed with them when the bundle was made. */
  readonly opened: number;
  /** Values that are no keys to this version. */
  readonly notKeys: NameList;
  /** Keys that did not open their canary. */
  readonly broken: NameList;
}

/** @param read - the keys of a bundle, see `readBundle` @throws what `read` throws */
export async function drill(
  read: (onAbout: (about: BundleAbout) => void) => AsyncIterable<BundleKey>,
  onKey: () => void,
): Promise<DrillFacts> {
  let about: BundleAbout = { createdAt: "", keystore: "" };
  const [notKeys, broken] = [new NameList(), new NameList()];
  let count = 0;
  let opened = 0;
  for await (const { name, value, canary } of read((found) => (about = found))) {
    const opens = opensCanary(name, value, canary);
    value.fill(0);
    if (opens === undefined) notKeys.add(name);
    else if (opens) opened++;
    else broken.add(name);
    count++;
    onKey();
  }
  return { about, count, opened, notKeys, broken };
}
