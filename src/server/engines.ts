/** Which engine speaks which version of HTTP. */
import type { HttpEngine } from "../config/config.js";
import type { Engine, EngineOptions } from "./engine.js";
import { Http1Engine } from "./http1/engine.js";
import { Http2Engine } from "./http2/engine.js";
import { NodeHttp1Engine } from "./node/h1-engine.js";
import { NodeHttp2Engine } from "./node/h2-engine.js";

export interface Engines {
  readonly http1: Engine;
  readonly http2: Engine;
}

/** The engines of `server.http`. */
export function makeEngines(kind: HttpEngine, options: EngineOptions): Engines {
  if (kind === "keswick") return { http1: new Http1Engine(options), http2: new Http2Engine(options) };
  return { http1: new NodeHttp1Engine(options), http2: new NodeHttp2Engine(options) };
}
