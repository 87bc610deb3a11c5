/**
 * Connections of AWS's client. Node takes its own listener off a socket between two requests; a connection that breaks in
 * that moment (a server that was killed, an answer before the end of the body) would end the whole process by an `error`
 * that nobody hears.
 */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { Duplex } from "node:stream";

/** What requests learn of the break they learn by their own listeners. */
function guard<T>(socket: T): T {
  if (socket instanceof Duplex) socket.on("error", () => undefined);
  return socket;
}

export class GuardedHttpAgent extends HttpAgent {
  override createConnection(...args: Parameters<HttpAgent["createConnection"]>) {
    return guard(super.createConnection(...args));
  }
}

export class GuardedHttpsAgent extends HttpsAgent {
  override createConnection(...args: Parameters<HttpsAgent["createConnection"]>) {
    return guard(super.createConnection(...args));
  }
}
