/** The client of a key server: one method for each call of its API (KES reference §12.2). */

import type { KesError } from "../errors.js";
import { base64 } from "./base64.js";
import { bulkDecrypt, bulkDecryptPartly, bulkGenerate, contextMember } from "./bulk.js";
import { Caller, pathTo, type Request } from "./caller.js";
import { createKey, deleteKey, importKey } from "./changes.js";
import { type Clock, systemClock } from "./clock.js";
import { createTransport } from "./http-transport.js";
import { type Listing, listNames } from "./listing.js";
import { followAuditLog, followErrorLog } from "./log-stream.js";
import { Members } from "./members.js";
import { metricsOf } from "./metrics.js";
import { type ClientOptions, DEFAULT_TIMEOUT_MS } from "./options.js";
import * as replies from "./replies.js";
import type { ApiReply, Transport } from "./transport.js";
import type {
  ApiInfo,
  AuditEvent,
  CallOptions,
  Context,
  ContextOptions,
  Dek,
  ErrorEvent,
  IdentityInfo,
  ImportedKey,
  KeyInfo,
  ListOptions,
  LogOptions,
  PolicyDocument,
  PolicyInfo,
  SealedDek,
  SelfInfo,
  ServerMetrics,
  ServerStatus,
  VersionInfo,
} from "./types.js";

const keyListing: Listing = { path: "/v1/key/list/", list: "names", line: "name" };
const policyListing: Listing = { path: "/v1/policy/list/", list: "names", line: "name" };
const identityListing: Listing = { path: "/v1/identity/list/", list: "identities", line: "identity" };

/** What a client works with, for tests and for other ways to reach a server. */
export interface ClientParts {
  /** Default: HTTPS as the options say. */
  readonly transport?: Transport;
  readonly clock?: Clock;
}

/**
 * A client of one key service at one or several endpoints. Safe to share; keep one for the life of the program, since
 * it keeps connections alive.
 *
 * Every call takes `signal` and `timeoutMs` (default 30 s), and rejects with a {@link KesError} whose `code` tells
 * what happened. Names are checked before anything is sent: `KEY_NAME_INVALID` and its like.
 */
export class KesClient {
  readonly #caller: Caller;
  readonly #closing = new AbortController();

  /**
   * Reads no file and opens no connection yet.
   * @throws KesError `CLIENT_OPTIONS_INVALID`, `CREDENTIALS_INVALID`
   */
  constructor(options: ClientOptions, parts: ClientParts = {}) {
    const { transport = createTransport(options), clock = systemClock } = parts;
    this.#caller = new Caller(transport, options.timeoutMs ?? DEFAULT_TIMEOUT_MS, clock);
  }

  /** Who this client is to a server; undefined without certificate, or before its file has been read. */
  get identity(): string | undefined {
    return this.#caller.transport.identity;
  }

  async version(options: CallOptions = {}): Promise<VersionInfo> {
    return replies.versionOf(await this.#get("/version", options));
  }

  /** Resolves when the server can serve keys. @throws KesError `KEYSTORE_UNREACHABLE`, `KEYSTORE_UNAVAILABLE` */
  ready(options: CallOptions = {}): Promise<void> {
    return this.#caller.command({ method: "GET", path: "/v1/ready" }, options);
  }

  /**
   * Has the server read its configuration again.
   * @throws KesError `RELOAD_FAILED`: everything is as before, and the server's log says why
   */
  reload(options: CallOptions = {}): Promise<void> {
    // Not sent twice: the second one may fail where the first did not.
    return this.#caller.command({ method: "PUT", path: "/v1/server/reload", repeatable: false }, options);
  }

  async status(options: CallOptions = {}): Promise<ServerStatus> {
    return replies.statusOf(await this.#get("/v1/status", options));
  }

  /** The routes of the server with their limits. */
  async apis(options: CallOptions = {}): Promise<ApiInfo[]> {
    return replies.apisOf(await this.#get("/v1/api", options));
  }

  async metrics(options: CallOptions = {}): Promise<ServerMetrics> {
    return metricsOf(await this.#get("/v1/metrics", options));
  }

  /**
   * Creates a key. A lost answer is looked up: resolves only if the key was created by this call.
   * @throws KesError `KEY_EXISTS`; `KEY_CREATE_UNCERTAIN` when nobody can tell
   */
  createKey(name: string, options: CallOptions = {}): Promise<void> {
    return createKey(this.#caller, name, options);
  }

  /**
   * Stores a key whose bytes come from elsewhere. A lost answer is looked up as by {@link createKey}; that the key has
   * these bytes is then proved by a data key, which needs permission to generate (and for HMAC, if an HMAC key is given).
   * @throws KesError `KEY_SIZE_INVALID`, `KEY_EXISTS`, `KEY_CREATE_UNCERTAIN`; `ANSWER_UNEXPECTED` when the key is stored
   *   with another HMAC key, as original servers do
   */
  importKey(name: string, imported: ImportedKey, options: CallOptions = {}): Promise<void> {
    return importKey(this.#caller, name, imported, options);
  }

  /** @throws KesError `KEY_NOT_FOUND` */
  async describeKey(name: string, options: CallOptions = {}): Promise<KeyInfo> {
    const path = pathTo("/v1/key/describe/", name, "KEY_NAME_INVALID");
    return replies.keyInfoOf(await this.#get(path, options), name);
  }

  /**
   * Deletes a key for good. After a lost answer the key is looked up, and deleted once more only when it is the same.
   * @throws KesError `KEY_NOT_FOUND`; `KEY_DELETE_UNCERTAIN` when nobody can tell
   */
  deleteKey(name: string, options: CallOptions = {}): Promise<void> {
    return deleteKey(this.#caller, name, options);
  }

  /** A fresh data key under the named key. @throws KesError `KEY_NOT_FOUND` */
  async generateKey(name: string, options: ContextOptions = {}): Promise<Dek> {
    const path = pathTo("/v1/key/generate/", name, "KEY_NAME_INVALID");
    // Always with a body: without one, an older server cannot tell "no context" from a body that was lost.
    return replies.dekOf(Members.of(await this.#post(path, contextMember(options.context), options)));
  }

  /** @param plaintext - at most about 750,000 bytes @throws KesError `KEY_NOT_FOUND`, `BODY_TOO_LARGE` */
  async encrypt(name: string, plaintext: Uint8Array, options: ContextOptions = {}): Promise<Buffer> {
    const path = pathTo("/v1/key/encrypt/", name, "KEY_NAME_INVALID");
    const body = { plaintext: base64(plaintext), ...contextMember(options.context) };
    return replies.ciphertextOf(await this.#post(path, body, options), plaintext.length);
  }

  /** @throws KesError `DECRYPT_FAILED` for a wrong ciphertext, key or context, `KEY_NOT_FOUND` */
  async decrypt(name: string, ciphertext: Uint8Array, options: ContextOptions = {}): Promise<Buffer> {
    const path = pathTo("/v1/key/decrypt/", name, "KEY_NAME_INVALID");
    const body = { ciphertext: base64(ciphertext), ...contextMember(options.context) };
    return replies.plaintextOf(Members.of(await this.#post(path, body, options)));
  }

  /** HMAC-SHA-256, 32 bytes. @throws KesError `KEY_NOT_FOUND`, `HMAC_UNSUPPORTED` */
  async hmac(name: string, message: Uint8Array, options: CallOptions = {}): Promise<Buffer> {
    const path = pathTo("/v1/key/hmac/", name, "KEY_NAME_INVALID");
    return replies.hmacOf(
      await this.#send({ method: "PUT", path, body: { message: base64(message) } }, options),
    );
  }

  /** One fresh data key for each context, in their order; any number. */
  async bulkGenerate(
    name: string,
    contexts: readonly (Context | undefined)[],
    options: CallOptions = {},
  ): Promise<Dek[]> {
    return bulkGenerate(this.#caller, name, contexts, options);
  }

  /** The plaintexts in the order of the items; any number. @throws KesError of the first item that fails */
  bulkDecrypt(
    name: string,
    sealed: readonly SealedDek[],
    options?: CallOptions & { readonly partial?: false },
  ): Promise<Buffer[]>;
  /**
   * With `partial` an item that fails does not end the call: its error, `DECRYPT_FAILED` as a rule, stands in its place.
   * @throws KesError of what concerns all items, such as `KEY_NOT_FOUND`
   */
  bulkDecrypt(
    name: string,
    sealed: readonly SealedDek[],
    options: CallOptions & { readonly partial: boolean },
  ): Promise<(Buffer | KesError)[]>;
  async bulkDecrypt(
    name: string,
    sealed: readonly SealedDek[],
    { partial = false, ...options }: CallOptions & { readonly partial?: boolean } = {},
  ): Promise<(Buffer | KesError)[]> {
    if (partial) return bulkDecryptPartly(this.#caller, name, sealed, options);
    return bulkDecrypt(this.#caller, name, sealed, options);
  }

  /** Key names in byte order, page by page as they are asked for; the deadline holds for each page. */
  listKeys(options: ListOptions = {}): AsyncIterable<string> {
    return listNames(this.#caller, keyListing, options);
  }

  listPolicies(options: ListOptions = {}): AsyncIterable<string> {
    return listNames(this.#caller, policyListing, options);
  }

  listIdentities(options: ListOptions = {}): AsyncIterable<string> {
    return listNames(this.#caller, identityListing, options);
  }

  /** @throws KesError `POLICY_NOT_FOUND` */
  async describePolicy(name: string, options: CallOptions = {}): Promise<PolicyInfo> {
    const path = pathTo("/v1/policy/describe/", name, "POLICY_NAME_INVALID");
    return replies.policyInfoOf(await this.#get(path, options), name);
  }

  /** A policy with its rules. @throws KesError `POLICY_NOT_FOUND` */
  async readPolicy(name: string, options: CallOptions = {}): Promise<PolicyDocument> {
    const path = pathTo("/v1/policy/read/", name, "POLICY_NAME_INVALID");
    return replies.policyOf(await this.#get(path, options), name);
  }

  /** @throws KesError `IDENTITY_NOT_FOUND` */
  async describeIdentity(identity: string, options: CallOptions = {}): Promise<IdentityInfo> {
    const path = pathTo("/v1/identity/describe/", identity, "IDENTITY_INVALID");
    return replies.identityInfoOf(await this.#get(path, options), identity);
  }

  /** Who this client is and what it may do. @throws KesError `IDENTITY_NOT_FOUND` for one without policy */
  async describeSelf(options: CallOptions = {}): Promise<SelfInfo> {
    return replies.selfInfoOf(await this.#get("/v1/identity/self/describe", options));
  }

  /**
   * Audit events as they happen, until the loop or the client ends. A broken connection is made again, and `onGap`
   * told: events of the meantime are lost.
   * @throws KesError when the first connection fails, or the server refuses
   */
  auditLog(options: LogOptions = {}): AsyncIterable<AuditEvent> {
    return followAuditLog(this.#caller, this.#untilClosed(options));
  }

  /** Lines of the server's error log, else as {@link auditLog}. */
  errorLog(options: LogOptions = {}): AsyncIterable<ErrorEvent> {
    return followErrorLog(this.#caller, this.#untilClosed(options));
  }

  /** Ends log streams in order, makes open calls reject, and closes the connections. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#caller.transport.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #send(request: Request, options: CallOptions): Promise<ApiReply> {
    return this.#caller.send(request, options);
  }

  #get(path: string, options: CallOptions): Promise<ApiReply> {
    return this.#send({ method: "GET", path }, options);
  }

  #post(path: string, body: object, options: CallOptions): Promise<ApiReply> {
    return this.#send({ method: "POST", path, body }, options);
  }

  #untilClosed(options: LogOptions): LogOptions {
    const signals = [this.#closing.signal, ...(options.signal === undefined ? [] : [options.signal])];
    return { ...options, signal: AbortSignal.any(signals) };
  }
}
