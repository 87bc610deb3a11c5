/** What Vault answered, and what its refusals mean for a keystore. */
import { KesError } from "../../src/errors.js";
import { unreached, unusable } from "../../src/keystore/faults.js";

export interface VaultAnswer {
  readonly status: number;
  /** The JSON body; undefined for an empty one or one that is no JSON object. */
  readonly body: Readonly<Record<string, unknown>> | undefined;
  /** Texts of `errors`, bounded and free of control characters: they go to the error log. */
  readonly errors: readonly string[];
  /** What was asked, for errors: method and path, never a body. */
  readonly request: string;
}

const MAX_ERRORS = 5;
const MAX_ERROR_CHARACTERS = 200;

/** Reads an answer's body. */
export function answerOf(status: number, text: string, request: string): VaultAnswer {
  const body = objectOf(parsed(text));
  const errors = Array.isArray(body?.errors) ? body.errors.filter((each) => typeof each === "string") : [];
  return { status, body, errors: errors.slice(0, MAX_ERRORS).map(printable), request };
}

export function objectOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  return Object.fromEntries(Object.entries(value));
}

function parsed(text: string): unknown {
  if (text === "") return undefined;
  try {
    return JSON.parse(text);
  } catch {
    // No JSON: a proxy or another service. The status and the missing body say so to whoever looks.
    return undefined;
  }
}

function printable(text: string): string {
  return text
    .replace(/[^\x20-\x7e]+/g, " ")
    .trim()
    .slice(0, MAX_ERROR_CHARACTERS);
}

/** True for Vault's own 404 of a path without entry: `{"errors":[]}` and nothing else. */
export function isAbsent({ status, body, errors }: VaultAnswer): boolean {
  return status === 404 && body !== undefined && Array.isArray(body.errors) && errors.length === 0;
}

/** Vault refused for want of a permission. */
export class VaultDenied extends Error {
  override readonly name = "VaultDenied";
  /** Method and path, as {@link VaultAnswer.request}. */
  readonly request: string;
  constructor(message: string, request: string) {
    super(message);
    this.request = request;
  }
}

/** The answer as failure after which nothing has changed. */
export function refusal(answer: VaultAnswer): KesError {
  const { status, errors, request, body } = answer;
  const said = errors.length > 0 ? `: ${errors.join("; ")}` : "";
  const told = `vault: ${request}: ${status}${said}`;
  const notInitialised = errors.some((text) => /not initialized/i.test(text));
  if (status === 503 && (notInitialised || errors.some((text) => /sealed/i.test(text)))) {
    return unreached(`${told}: ${notInitialised ? "initialise" : "unseal"} Vault`);
  }
  if (status >= 300 && status < 400) return unusable(`${told}: a redirect that is not followed`);
  if (body === undefined && status !== 204) {
    return unusable(`${told}: the answer is not Vault's: check the endpoint and proxies between`);
  }
  if (status === 403 && /\/auth\/.+\/login$/.test(request)) {
    return unusable(`${told}: check 'engine' and 'namespace' of the log-in, and its credentials`);
  }
  if (status === 403) {
    const remedy = "the policy of the log-in must allow it, or its token has ended";
    const cause = new VaultDenied(`${told}: ${remedy}`, request);
    return new KesError("KEYSTORE_UNAVAILABLE", [], { cause });
  }
  if (status === 404 && errors.some((text) => /no handler for route/.test(text))) {
    return unusable(`${told}: nothing is mounted there: check 'engine' and 'namespace'`);
  }
  if (status === 429) return unusable(`${told}: Vault's rate limit; it is asked too often`);
  return unusable(told);
}

/** True for an answer after which a repeat may do better. 501 is Vault's "not initialised". */
export function isPassing({ status, errors }: VaultAnswer): boolean {
  // What an engine of version 2 says in the moments after it was mounted.
  if (status === 400 && errors.some((text) => /upgrading from non-versioned/i.test(text))) return true;
  return status === 412 || status === 429 || (status >= 500 && status !== 501);
}

/** The change may have been made although the answer says that something went wrong. */
export function isDoubtful({ status, errors }: VaultAnswer): boolean {
  // Sealed and not initialised are said before anything is done.
  return status >= 500 && status !== 501 && !(status === 503 && errors.some((text) => /sealed/i.test(text)));
}

/** @throws KesError unless the answer is a success */
export function expectSuccess(answer: VaultAnswer): VaultAnswer {
  if (answer.status === 200 && answer.body === undefined) throw refusal(answer);
  if (answer.status === 200 || answer.status === 204) return answer;
  throw refusal(answer);
}
