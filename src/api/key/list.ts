import { KesError } from "../../errors.js";
import { decodePattern, encodeContinuation } from "../../keystore/listing.js";
import { route } from "../route.js";
import { reply } from "./shared.js";

/** Names in one page; 1024 of the longest names stay far below the 1 MiB that clients read. */
const PAGE_SIZE = 1024;

/** `GET /v1/key/list/<pattern>`: key names by prefix, page by page. */
export const listKeys = route({
  method: "GET",
  path: "/v1/key/list/",
  argument: "pattern",
  doc: {
    summary: "List keys",
    description:
      "Names that begin with the pattern; a final `*` changes nothing, the empty pattern lists all. " +
      "`continue_at` is opaque: send it as the pattern to get the next page.",
    reply: reply({ names: { type: "array", items: { type: "string" } }, continue_at: { type: "string" } }, [
      "continue_at",
    ]),
    errors: ["KEY_LIST_FAILED", "KEYSTORE_TIMEOUT"],
  },

  async handle(call, { keys }) {
    const wanted = decodePattern(call.argument);
    if (wanted === undefined) throw new KesError("PATTERN_INVALID", [call.argument]);
    const page = await keys.list({ ...wanted, limit: PAGE_SIZE }, call);
    const last = page.names.at(-1);
    return {
      names: page.names,
      ...(page.more && last !== undefined ? { continue_at: encodeContinuation(wanted.prefix, last) } : {}),
    };
  },
});
