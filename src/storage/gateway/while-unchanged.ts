/** Work in several calls on an object that somebody may replace between two of them. */
import { isS3Error, s3Error } from "../s3/errors.js";

const ATTEMPTS = 4;

/**
 * Does `work` again when the back end refused the ETag that an earlier call of it had told.
 * @throws S3Error `OPERATION_ABORTED` when that goes on
 */
export async function whileUnchanged<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      // Those of the client's own conditions have a member that says which.
      if (!isS3Error(error, "PRECONDITION_FAILED") || "Condition" in error.members) throw error;
      if (attempt === ATTEMPTS) throw s3Error("OPERATION_ABORTED", { cause: error });
    }
  }
}
