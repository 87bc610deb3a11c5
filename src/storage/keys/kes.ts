/** Keys of a key server, ours or any KES, over the SDK. */
import type { KesClient } from "../../client/client.js";
import { KEY_BYTES } from "../../crypto/algorithm.js";
import { type ErrorCode, isKesError } from "../../errors.js";
import { type SseFailure, sseError } from "../sse/errors.js";
import type { KmsContext } from "../sse/kms-context.js";
import type {
  GeneratedDek,
  KeyCallOptions,
  KeyEndpoint,
  KeyService,
  KeyServiceStatus,
} from "./key-service.js";

/** What is used of the SDK's client. */
export type KesCalls = Pick<KesClient, "generateKey" | "decrypt" | "createKey" | "close">;

/** Asks one server by itself whether it is there. */
export interface KesProbe {
  readonly endpoint: string;
  readonly client: Pick<KesClient, "version" | "close">;
}

/** How long a status waits for a server. */
const PROBE_TIMEOUT_MS = 5_000;

/** The failures that mean something to S3 clients; all others say that no key is to be had now. */
const meanings: Readonly<Partial<Record<ErrorCode, SseFailure>>> = {
  KEY_NOT_FOUND: "KMS_KEY_NOT_FOUND",
  // A name that no key can have is the name of no key.
  KEY_NAME_INVALID: "KMS_KEY_NOT_FOUND",
  NOT_AUTHORIZED: "KMS_DENIED",
  DECRYPT_FAILED: "KMS_ALTERED",
  KEY_EXISTS: "KMS_KEY_EXISTS",
  NOT_IMPLEMENTED: "KMS_NOT_SUPPORTED",
  // Ours to mend, not the server's: waiting does not help.
  BODY_INVALID: "KMS_FAILED",
  BODY_TOO_LARGE: "KMS_FAILED",
  ANSWER_INVALID: "KMS_FAILED",
  ANSWER_TOO_LARGE: "KMS_FAILED",
  INTERNAL: "KMS_FAILED",
};

export class KesKeyService implements KeyService {
  readonly defaultKey: string;
  readonly #client: KesCalls;
  readonly #probes: readonly KesProbe[];

  /** @param probes - one for each endpoint; all are closed with the service */
  constructor(defaultKey: string, client: KesCalls, probes: readonly KesProbe[]) {
    this.defaultKey = defaultKey;
    this.#client = client;
    this.#probes = probes;
  }

  async generate(
    keyName = this.defaultKey,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<GeneratedDek> {
    const dek = await translated(() => this.#client.generateKey(keyName, { ...options, context }));
    checkDek(dek.plaintext);
    return { keyName, ...dek };
  }

  async decrypt(
    keyName: string,
    ciphertext: Uint8Array,
    context: KmsContext,
    options?: KeyCallOptions,
  ): Promise<Buffer> {
    const dek = await translated(() => this.#client.decrypt(keyName, ciphertext, { ...options, context }));
    checkDek(dek);
    return dek;
  }

  createKey(keyName: string, options?: KeyCallOptions): Promise<void> {
    return translated(() => this.#client.createKey(keyName, options));
  }

  async status(options: KeyCallOptions = {}): Promise<KeyServiceStatus> {
    const endpoints = await Promise.all(this.#probes.map((probe) => probed(probe, options)));
    return { name: "KES", defaultKey: this.defaultKey, endpoints };
  }

  async close(): Promise<void> {
    await Promise.all(
      [this.#client, ...this.#probes.map(({ client }) => client)].map((each) => each.close()),
    );
  }
}

/** Whether the server answers at all. Not `/v1/status`, which the policy of a storage server need not allow. */
async function probed({ endpoint, client }: KesProbe, options: KeyCallOptions): Promise<KeyEndpoint> {
  try {
    await client.version({ ...options, timeoutMs: PROBE_TIMEOUT_MS });
    return { endpoint, isOnline: true };
  } catch (error) {
    if (!isKesError(error)) throw error;
    return { endpoint, isOnline: false };
  }
}

async function translated<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isKesError(error)) throw error;
    throw sseError(meanings[error.code] ?? "KMS_UNAVAILABLE", { cause: error });
  }
}

function checkDek(dek: Buffer): void {
  if (dek.length === KEY_BYTES) return;
  dek.fill(0);
  throw sseError("KMS_FAILED", { cause: new Error("a data key of another size than 32 bytes") });
}
