import { parseAlgorithm } from "../../crypto/algorithm.js";
import { KesError } from "../../errors.js";
import { route } from "../route.js";
import { object } from "../wire.js";
import { keyOf, MAX_BODY_BYTES } from "./shared.js";

/** Size of the keys of both algorithms in bytes. */
const KEY_BYTES = 32;

/**
 * `PUT /v1/key/import/<name>`: stores a key made elsewhere. Its HMAC key is drawn here unless `hmac_key` brings it
 * along, as it must where a MinIO derives its root credentials from it.
 */
export const importKey = route<{ key: Buffer; cipher: string; hmac_key: Buffer }>({
  method: "PUT",
  path: "/v1/key/import/",
  argument: "key-name",
  maxBodyBytes: MAX_BODY_BYTES,
  body: object({ key: "bytes", cipher: "text", hmac_key: "bytes" }, { error: "IMPORT_BODY_INVALID" }),
  auditMessage: "secret key '%s' created",
  doc: {
    summary: "Import a key",
    description:
      "`cipher` is one of AES256, AES256-GCM_SHA256, ChaCha20, XCHACHA20-POLY1305; `key` holds 32 bytes. " +
      "`hmac_key`, 32 bytes, may be left out: the HMAC key is then drawn at random.",
    errors: [
      "IMPORT_BODY_INVALID",
      "ALGORITHM_UNSUPPORTED",
      "KEY_SIZE_INVALID",
      "KEY_EXISTS",
      "KEY_CREATE_FAILED",
      "KEY_CREATE_UNCERTAIN",
    ],
  },

  async handle(call, { keys }) {
    const { key, cipher, hmac_key: hmacKey } = call.body;
    const algorithm = parseAlgorithm(cipher);
    if (algorithm === undefined) throw new KesError("ALGORITHM_UNSUPPORTED", [cipher]);
    if (key.length !== KEY_BYTES) throw new KesError("KEY_SIZE_INVALID", [cipher]);
    const createdBy = call.caller.identity ?? "";
    const hmacKeyBytes = hmacKey.length === 0 ? {} : { hmacKeyBytes: hmacKey };
    await keys.import(keyOf(call.argument), { keyBytes: key, ...hmacKeyBytes, algorithm, createdBy }, call);
    return undefined;
  },
});
