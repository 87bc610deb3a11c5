/** Why something failed, for whoever runs a command on keystores. */
import { causes } from "../../audit/error-log.js";
import { isKesError } from "../../errors.js";

/** Messages of the causes, which never quote values; without the code of the catalogue where a cause says more. */
export function reasonOf(error: unknown): string {
  return causes(isKesError(error) && error.cause !== undefined ? error.cause : error);
}
