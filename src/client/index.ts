/** The SDK's public door: `keswick/client`. */
export { type ErrorCode, isKesError, KesError } from "../errors.js";
export { ApiKey } from "../identity/api-key.js";
export { type ClientParts, KesClient } from "./client.js";
export type { Clock } from "./clock.js";
export { canonicalContext } from "./context.js";
export type { ClientOptions } from "./options.js";
export type { ApiReply, ApiRequest, ApiStream, Transport } from "./transport.js";
export type * from "./types.js";
