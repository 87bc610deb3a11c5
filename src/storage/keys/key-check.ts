/** Whether a key works: what `mc admin kms key status` shows, and what a server does before it serves. */
import { timingSafeEqual } from "node:crypto";
import { S3Error } from "../s3-error.js";
import { isSseError, sseError } from "../sse/errors.js";
import type { GeneratedDek, KeyCallOptions, KeyService } from "./key-service.js";

/** MinIO's context of this purpose, which policies and audit logs of key servers know. */
const CHECK_CONTEXT = { "MinIO admin API": "KMSKeyStatusHandler" };

export interface KeyCheck {
  readonly keyName: string;
  /** Why no DEK could be made; then nothing was decrypted. */
  readonly encryptionError?: S3Error;
  readonly decryptionError?: S3Error;
}

/** Makes a DEK and opens it again. Never rejects for what is wrong with key or service. */
export async function checkKey(
  keys: KeyService,
  keyName = keys.defaultKey,
  options: KeyCallOptions = {},
): Promise<KeyCheck> {
  const dek = await failureOf(() => keys.generate(keyName, CHECK_CONTEXT, options));
  if (dek instanceof S3Error) return { keyName, encryptionError: dek };
  try {
    const opened = await failureOf(() => reopened(keys, dek, options));
    return opened instanceof S3Error ? { keyName, decryptionError: opened } : { keyName };
  } finally {
    dek.plaintext.fill(0);
  }
}

async function reopened(keys: KeyService, dek: GeneratedDek, options: KeyCallOptions): Promise<void> {
  const opened = await keys.decrypt(dek.keyName, dek.ciphertext, CHECK_CONTEXT, options);
  const isSame = timingSafeEqual(opened, dek.plaintext);
  opened.fill(0);
  if (!isSame) throw sseError("KMS_ALTERED");
}

async function failureOf<T>(call: () => Promise<T>): Promise<T | S3Error> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof S3Error) return error;
    throw error;
  }
}

/** `denied`: the server may run, but this identity can encrypt nothing. */
export type DefaultKeyState = "ready" | "created" | "denied";

/**
 * What a storage server does when it starts (MinIO client reference §5.1): proves the default key, and creates it when it
 * is missing. A key that somebody else has created meanwhile is as good.
 * @throws S3Error anything but a denial: a server without keys must not start
 */
export async function prepareDefaultKey(
  keys: KeyService,
  options: KeyCallOptions = {},
): Promise<DefaultKeyState> {
  try {
    const dek = await keys.generate(undefined, {}, options);
    dek.plaintext.fill(0);
    return "ready";
  } catch (error) {
    if (isSseError(error, "KMS_DENIED")) return "denied";
    if (!isSseError(error, "KMS_KEY_NOT_FOUND")) throw error;
  }
  try {
    await keys.createKey(keys.defaultKey, options);
    return "created";
  } catch (error) {
    if (isSseError(error, "KMS_KEY_EXISTS")) return "ready";
    if (isSseError(error, "KMS_DENIED")) return "denied";
    throw error;
  }
}
