/** What a reload replaces: everything made from one reading of the configuration file. */
import type { BlockList } from "node:net";
import type { Services } from "../api/route.js";
import type { Config } from "../config/config.js";
import type { ProxySettings } from "./forwarded.js";
import type { Lease } from "./lease.js";
import type { TlsSettings } from "./tls.js";

/** How one route is changed by the configuration's `api` section. */
export interface RouteOptions {
  readonly skipAuth: boolean;
  readonly timeoutMs: number;
}

/** Immutable; a request uses the state that was current when it came, to its end. */
export interface ServerState {
  readonly config: Config;
  readonly services: Services;
  /** By route path. */
  readonly options: ReadonlyMap<string, RouteOptions>;
  readonly proxy: ProxySettings | undefined;
  readonly tls: TlsSettings;
  /** Where connections begin with a PROXY header; undefined for nowhere. */
  readonly headerSources: BlockList | undefined;
  readonly lease: Lease;
}
