/** Keys of Vault's transit engine, without a key server between, as MinIO had it until 2021 (MinIO client reference §10). */

import type { Clock } from "../../client/clock.js";
import { canonicalContext } from "../../client/context.js";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { decodeBase64 } from "../../crypto/base64.js";
import { isName } from "../../names.js";
import { S3Error } from "../s3-error.js";
import { type SseFailure, sseError } from "../sse/errors.js";
import type { KmsContext } from "../sse/kms-context.js";
import type { GeneratedDek, KeyCallOptions, KeyService, KeyServiceStatus } from "./key-service.js";
import { objectOf, type VaultCall, VaultHttp, type VaultPlace, type VaultReply } from "./vault-http.js";
import { type AppRole, VaultToken } from "./vault-token.js";

const CIPHERTEXT = /^vault:v\d{1,9}:[A-Za-z0-9+/=]{1,1024}$/;

/**
 * DEKs by `datakey`, contexts as Vault's key derivation. Vault ignores the context of a key that was made without
 * derivation; what is sealed under the DEK is bound to bucket and object all the same. Keys made here are derived.
 */
export class VaultTransitService implements KeyService {
  readonly defaultKey: string;
  readonly #endpoint: string;
  readonly #http: VaultHttp;
  readonly #token: VaultToken;

  constructor(defaultKey: string, place: VaultPlace, role: AppRole, clock: Clock) {
    this.defaultKey = defaultKey;
    this.#endpoint = place.endpoint;
    this.#http = new VaultHttp(place, clock);
    this.#token = new VaultToken(this.#http, role, clock);
  }

  async generate(
    keyName = this.defaultKey,
    context: KmsContext,
    { signal }: KeyCallOptions = {},
  ): Promise<GeneratedDek> {
    const path = `transit/datakey/plaintext/${segment(keyName)}`;
    const reply = await this.#call({ method: "PUT", path, body: { context: base64Of(context) }, signal });
    const data = dataOf(reply, "KMS_FAILED");
    const { ciphertext } = data;
    if (typeof ciphertext !== "string" || !CIPHERTEXT.test(ciphertext)) throw sseError("KMS_FAILED");
    return { keyName, plaintext: dekOf(data), ciphertext: Buffer.from(ciphertext) };
  }

  async decrypt(
    keyName: string,
    ciphertext: Uint8Array,
    context: KmsContext,
    { signal }: KeyCallOptions = {},
  ): Promise<Buffer> {
    const text = Buffer.from(ciphertext).toString("latin1");
    if (!CIPHERTEXT.test(text)) throw sseError("KMS_ALTERED");
    const path = `transit/decrypt/${segment(keyName)}`;
    const body = { ciphertext: text, context: base64Of(context) };
    return dekOf(dataOf(await this.#call({ method: "PUT", path, body, signal }), "KMS_ALTERED"));
  }

  /** A derived key. Vault makes nothing of one that is there, so that is asked for first. */
  async createKey(keyName: string, { signal }: KeyCallOptions = {}): Promise<void> {
    const path = `transit/keys/${segment(keyName)}`;
    const known = await this.#call({ method: "GET", path, signal });
    const isAbsent = known.status === 404 && known.body !== undefined && known.errors.length === 0;
    if (!isAbsent) {
      dataOf(known, "KMS_FAILED");
      throw sseError("KMS_KEY_EXISTS");
    }
    const body = { type: "aes256-gcm96", derived: true };
    const made = await this.#call({ method: "POST", path, body, signal });
    if (made.status !== 200 && made.status !== 204) throw refusal(made, "KMS_FAILED");
  }

  async status({ signal }: KeyCallOptions = {}): Promise<KeyServiceStatus> {
    const { defaultKey } = this;
    const endpoint = this.#endpoint;
    const health = this.#http.send({ method: "GET", path: "sys/health", signal, attempts: 1 });
    const isOnline = await health.then(
      // 429 and 473: a standby, which passes calls on.
      ({ status }) => status === 200 || status === 429 || status === 473,
      (error: unknown) => {
        if (error instanceof S3Error) return false;
        throw error;
      },
    );
    return { name: "Vault", defaultKey, endpoints: [{ endpoint, isOnline }] };
  }

  close(): Promise<void> {
    return this.#http.close();
  }

  /** With the token; once more with a new one when it is refused. */
  async #call(call: VaultCall): Promise<VaultReply> {
    const token = await this.#token.current();
    const reply = await this.#http.send({ ...call, token });
    if (reply.status !== 403) return reply;
    const another = await this.#token.instead(token);
    return another === undefined ? reply : this.#http.send({ ...call, token: another });
  }
}

/** Names of transit keys are those of KES and dots; anything else is a path of its own. */
function segment(keyName: string): string {
  if (!isName(keyName.replaceAll(".", "_")) || /^\.+$/.test(keyName)) throw sseError("KMS_KEY_NOT_FOUND");
  return encodeURIComponent(keyName);
}

function base64Of(context: KmsContext): string {
  return canonicalContext(context).toString("base64");
}

function dataOf(reply: VaultReply, invalid: SseFailure): Readonly<Record<string, unknown>> {
  const data = reply.status === 200 ? objectOf(reply.body?.data) : undefined;
  if (data === undefined) throw refusal(reply, invalid);
  return data;
}

/** @param invalid - what status 400 means, unless it is that there is no such key */
function refusal({ status, errors, body }: VaultReply, invalid: SseFailure): S3Error {
  const cause = new Error(`vault: status ${status}: ${errors.join("; ")}`);
  const isKeyMissing = errors.some((text) => /encryption key not found/i.test(text));
  if (status === 403) return sseError("KMS_DENIED", { cause });
  if (status === 400 && isKeyMissing) return sseError("KMS_KEY_NOT_FOUND", { cause });
  if (status === 400 && body !== undefined) return sseError(invalid, { cause });
  // All else is an outage, a proxy's page, or an engine that is not mounted: it does not mean that a key is gone.
  return sseError("KMS_UNAVAILABLE", { cause });
}

function dekOf({ plaintext }: Readonly<Record<string, unknown>>): Buffer {
  const dek = typeof plaintext === "string" ? decodeBase64(plaintext) : undefined;
  if (dek?.length !== KEY_BYTES) throw sseError("KMS_FAILED");
  return dek;
}
