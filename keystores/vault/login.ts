/** The ways to a token (KES keystore reference §6.2), and some more. */
import type { KesError } from "../../src/errors.js";
import { unusable } from "../../src/keystore/faults.js";
import { expectSuccess, objectOf, refusal } from "./answer.js";
import { sendRepeatedly } from "./calls.js";
import { LOGIN_METHODS, type VaultOptions } from "./config.js";
import type { VaultEnvironment } from "./environment.js";
import type { VaultHttp } from "./http.js";

/** A token and how long it lasts. */
export interface Lease {
  readonly token: string;
  /** Milliseconds from now; 0: it does not end. */
  readonly ttlMs: number;
  readonly renewable: boolean;
}

export interface Login {
  /** For errors: `approle log-in`. */
  readonly description: string;
  /** Of the log-in and of the calls about its token; undefined for the root. */
  readonly namespace: string | undefined;
  /** False for a token that somebody else made and will want back: it is neither renewed nor revoked. */
  readonly ownsToken: boolean;
  /** @throws KesError outage codes, VaultNetworkError */
  fetch(signal?: AbortSignal): Promise<Lease>;
}

/**
 * The log-in that the options name.
 * @throws Error unless they name exactly one
 */
export function loginOf(options: VaultOptions, http: VaultHttp, env: VaultEnvironment): Login {
  const named = LOGIN_METHODS.filter((method) => options[method] !== undefined);
  if (named.length === 0) {
    throw new Error(
      `kesconf: invalid vault keystore: no authentication method specified; set one of ${LOGIN_METHODS.join(", ")}`,
    );
  }
  if (named.length > 1) {
    throw new Error(
      `kesconf: invalid vault keystore: more than one authentication method specified: ${named.join(", ")}`,
    );
  }
  const { approle, kubernetes, jwt, cert, token, token_file: tokenFile } = options;
  const place = (own: string | undefined): string | undefined => namespaceOf(own, options, env);
  const post = (
    method: string,
    at: { readonly engine: string; readonly namespace?: string },
    bodyOf: () => Promise<object>,
  ): Login => {
    const namespace = place(at.namespace);
    const path = `auth/${pathOf(at.engine)}/login`;
    return {
      description: `${method} log-in`,
      namespace,
      ownsToken: true,
      async fetch(signal) {
        const body = await bodyOf();
        const answer = await sendRepeatedly(http, env, {
          method: "PUT",
          path,
          body,
          ...(namespace === undefined ? {} : { namespace }),
          ...(signal === undefined ? {} : { signal }),
        });
        return leaseOf(expectSuccess(answer).body, () => refusal(answer));
      },
    };
  };
  if (approle !== undefined) {
    return post("approle", approle, async () => ({ role_id: approle.id, secret_id: approle.secret }));
  }
  const web = kubernetes ?? jwt;
  if (web !== undefined) {
    return post(kubernetes === undefined ? "jwt" : "kubernetes", web, async () => ({
      role: web.role,
      jwt: web.jwt.includes("/") ? await readToken(env, web.jwt, false) : web.jwt,
    }));
  }
  if (cert !== undefined) {
    return post("cert", cert, async () => (cert.name === undefined ? {} : { name: cert.name }));
  }
  return {
    description: token === undefined ? "token file" : "token",
    namespace: place(undefined),
    ownsToken: false,
    async fetch() {
      const text = token ?? (await readToken(env, tokenFile ?? "", true));
      return { token: text, ttlMs: 0, renewable: false };
    },
  };
}

/** The namespace of a log-in: its own, `/` for the root, else that of the keystore. */
function namespaceOf(
  own: string | undefined,
  options: VaultOptions,
  env: VaultEnvironment,
): string | undefined {
  if (own === "/") return undefined;
  return own || keystoreNamespace(options, env);
}

export function keystoreNamespace(options: VaultOptions, env: VaultEnvironment): string | undefined {
  return options.namespace || env.variables.VAULT_NAMESPACE || undefined;
}

/** A mount's path without slashes at its ends or doubled within. */
export function pathOf(path: string): string {
  return path
    .split("/")
    .filter((part) => part !== "")
    .map(encodeURIComponent)
    .join("/");
}

async function readToken(env: VaultEnvironment, path: string, trim: boolean): Promise<string> {
  let text: string;
  try {
    text = await env.readText(path);
  } catch (cause) {
    throw unusable(`vault: the token file '${path}' cannot be read`, cause);
  }
  const token = trim ? text.trim() : text;
  if (token === "") throw unusable(`vault: the token file '${path}' is empty`);
  return token;
}

/** `auth` of a log-in's or renewal's answer. */
export function leaseOf(
  body: Readonly<Record<string, unknown>> | undefined,
  otherwise: () => KesError,
): Lease {
  const auth = objectOf(body?.auth);
  const { client_token: token, lease_duration: seconds, renewable } = auth ?? {};
  if (typeof token !== "string" || token === "") throw otherwise();
  const isLasting = typeof seconds === "number" && Number.isFinite(seconds) && seconds > 0;
  return { token, ttlMs: isLasting ? seconds * 1000 : 0, renewable: renewable === true };
}
