/**
 * Whether the back end holds copies to conditions. A copy of an object onto itself with another seal is safe only where
 * it does: otherwise an object that somebody stores at that moment would get the key of the one before, and be lost.
 */
import { CopyObjectCommand, DeleteObjectCommand } from "@aws-sdk/client-s3";
import type { RandomSource } from "../../crypto/random.js";
import { isS3Error } from "../s3/errors.js";
import type { BackEnd } from "./back-end.js";
import { copySourceOf, type FoundObject } from "./found-object.js";
import { copySourceFields } from "./twice.js";

/** Of S3's 1,024 bytes for a key so many are left for that of the object; no character takes more than 4. */
const MAX_KEY_CHARACTERS = 240;
const ID_BYTES = 16;

/** Services are believed in nothing: each is asked once, by a copy under a condition that cannot be met. */
export class CopyConditions {
  readonly #backEnd: BackEnd;
  readonly #random: RandomSource;
  #answer: Promise<boolean> | undefined;

  constructor(backEnd: BackEnd, random: RandomSource) {
    this.#backEnd = backEnd;
    this.#random = random;
  }

  /**
   * At a service that does not, a copy is made under a name of its own beside the object, and deleted at once.
   * @param found - an object that can be copied
   * @throws S3Error what the back end says of the copy but for its condition; nothing is known then
   */
  areHeld(found: FoundObject): Promise<boolean> {
    // Not ended by the signal of any one call, for others wait for it.
    const answer = this.#answer ?? this.#ask(found);
    this.#answer = answer;
    return answer.catch((error: unknown) => {
      if (this.#answer === answer) this.#answer = undefined;
      throw error;
    });
  }

  async #ask(found: FoundObject): Promise<boolean> {
    const { bucket, object } = found.path;
    const start = Array.from(object).slice(0, MAX_KEY_CHARACTERS).join("");
    const of = { Bucket: bucket, Key: `${start}.keswick-probe-${this.#random(ID_BYTES).toString("hex")}` };
    try {
      await this.#backEnd.call(undefined, (client) =>
        client.send(
          new CopyObjectCommand({
            ...{ ...of, CopySource: copySourceOf(found) },
            CopySourceIfMatch: `"${this.#random(ID_BYTES).toString("hex")}"`,
            ...copySourceFields(found.customer),
          }),
        ),
      );
    } catch (error) {
      if (isS3Error(error, "PRECONDITION_FAILED")) return true;
      throw error;
    }
    await this.#backEnd.call(undefined, (client) => client.send(new DeleteObjectCommand(of)));
    return false;
  }
}
