/** `--trusted-proxy`: whose word about its clients is taken. */
import { BlockList } from "node:net";
import { parseRange } from "../../config/sections/range.js";
import { UsageError } from "../../errors.js";

/** @param ranges - addresses or ranges. @returns undefined for none @throws UsageError */
export function trustedProxies(ranges: readonly string[]): BlockList | undefined {
  if (ranges.length === 0) return undefined;
  const list = new BlockList();
  for (const text of ranges) {
    const range = parseRange(text);
    if ("fault" in range) throw new UsageError(`invalid argument for "--trusted-proxy" flag: ${range.fault}`);
    list.addSubnet(range.address, range.bits, range.family);
  }
  return list;
}
