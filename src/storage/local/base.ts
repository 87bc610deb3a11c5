/** What every operation of the local object service works with. */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import type { ObjectStore } from "../store/object-store.js";
import type { IndexKey } from "./index-key.js";

export interface LocalBase {
  readonly store: ObjectStore;
  /** Undefined where none is configured. */
  readonly keys: KeyService | undefined;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** `MINIO_KMS_AUTO_ENCRYPTION`. */
  readonly autoEncryption: boolean;
  readonly index: IndexKey;
}
