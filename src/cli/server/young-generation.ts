/** Keeps V8 from growing the heap's young generation while a server starts. */
import { setFlagsFromString } from "node:v8";

/** V8's own. */
const GROWTH_FACTOR = 2;

/**
 * From now on the young generation keeps its size: loaded modules and the configuration are young objects that live on,
 * which V8 takes for a sign that it needs more room. It would give them 32 MiB, and keep that of a server that then has
 * next to nothing to do. V8 reads this flag whenever it might grow the generation, and nowhere else.
 * @returns lets it grow again, as requests need it; may be called twice
 */
export function holdYoungGeneration(): () => void {
  setFlagsFromString("--semi-space-growth-factor=1");
  return () => setFlagsFromString(`--semi-space-growth-factor=${GROWTH_FACTOR}`);
}
