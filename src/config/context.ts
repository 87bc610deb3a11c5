/** What the sections of the configuration may use besides their own values. */
import type { KeystoreRegistry } from "../keystore/adapter.js";
import type { Identity } from "../names.js";
import type { PolicyRoute } from "../policy/route-space.js";
import type { Environment } from "./env.js";

/** What the configuration needs to know of a route of the API. */
export interface ConfigRoute extends PolicyRoute {
  readonly method: string;
  /** True when `api.<path>.skip_auth` may open the route to callers without certificate. */
  readonly skipAuth: boolean;
}

/** How text turns into identities; both throw on what they cannot read. */
export interface IdentityFunctions {
  /** Identity of an API key (`kes:v1:…`). */
  readonly ofApiKey: (text: string) => Identity;
  /** Identity of the first certificate in PEM text, and its expiry in milliseconds since the epoch. */
  readonly ofCertificatePem: (pem: string) => { readonly identity: Identity; readonly notAfterMs: number };
}

export interface LoadOptions {
  readonly env: Environment;
  /** Keystores that the configuration may name. */
  readonly adapters: KeystoreRegistry;
  readonly routes: readonly ConfigRoute[];
  /** Beginnings of paths that older KES servers had: rules for them are useless, but no mistake. */
  readonly removedPaths: readonly string[];
  readonly identities: IdentityFunctions;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Working directory, which relative paths start from (as in KES); that of the process by default. */
  readonly cwd?: string;
}

/** {@link LoadOptions} with the places that paths start from. */
export interface LoadContext extends LoadOptions {
  readonly cwd: string;
  /** Folder of the configuration file: policy documents are looked up there first. */
  readonly folder: string;
}
