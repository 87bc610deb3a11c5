/** What every operation of a gateway works with. */
import type { RandomSource } from "../../crypto/random.js";
import type { KeyService } from "../keys/key-service.js";
import type { BackEnd } from "./back-end.js";
import type { BodyMemory } from "./body-memory.js";
import type { CopyConditions } from "./copy-conditions.js";
import type { PartSizes } from "./part-sizes.js";
import type { SeenObjects } from "./seen-objects.js";

export interface GatewayBase {
  readonly backEnd: BackEnd;
  /** Undefined: all of encryption is the back end's (pass-through). */
  readonly keys: KeyService | undefined;
  readonly random: RandomSource;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** `MINIO_KMS_AUTO_ENCRYPTION`. */
  readonly autoEncryption: boolean;
  /** `MINIO_GATEWAY_SSE`: what the back end is asked to encrypt once more. */
  readonly twice: ReadonlySet<"SSE-S3" | "SSE-C">;
  readonly memory: BodyMemory;
  readonly copyConditions: CopyConditions;
  readonly partSizes: PartSizes;
  readonly seen: SeenObjects;
}
