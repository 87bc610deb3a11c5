/** Who speaks HTTP in servers that tests start: `KESWICK_TEST_HTTP=node` runs any suite on Node's engines. */
import type { HttpEngine } from "../../src/config/config.js";
import { DEFAULT_HTTP_ENGINE } from "../../src/config/sections/server.js";

export const testHttp: HttpEngine = readEngine(process.env.KESWICK_TEST_HTTP ?? DEFAULT_HTTP_ENGINE);

/** `section`, the text of `server:` in a configuration file or nothing, with the engine to be used. */
export function withTestHttp(section: string): string {
  if (testHttp === DEFAULT_HTTP_ENGINE) return section;
  return `${section === "" ? "server:\n" : section}  http: ${testHttp}\n`;
}

function readEngine(text: string): HttpEngine {
  if (text === "node" || text === "keswick") return text;
  // A slip would run the suite on the wrong engine, and it would pass.
  throw new RangeError(`KESWICK_TEST_HTTP is '${text}'; it is node or keswick`);
}
