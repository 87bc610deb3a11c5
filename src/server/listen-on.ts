/** Opens the listening socket of the API, or takes one that somebody else has opened. */
import type { AddressInfo, Server } from "node:net";
import { ConfigError } from "../errors.js";

/** An address (empty host: all interfaces), or the descriptor of a socket that listens already. */
export type ListenAt = { readonly host: string; readonly port: number } | { readonly fd: number };

const BACKLOG = 1024;

/** Has `server` listen. @throws ConfigError when that is impossible */
export async function listenOn(server: Server, at: ListenAt): Promise<AddressInfo> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) => {
      const message =
        "fd" in at
          ? `cannot listen on the inherited socket ${at.fd}: ${cause.message}`
          : `cannot listen on ${at.host || "*"}:${at.port}: ${cause.message}; choose another address with --addr`;
      reject(new ConfigError([{ file: "address", message }]));
    });
    if ("fd" in at) server.listen({ fd: at.fd }, resolve);
    else
      server.listen(
        { port: at.port, ...(at.host === "" ? {} : { host: at.host }), backlog: BACKLOG },
        resolve,
      );
  });
  const address = server.address();
  if (address !== null && typeof address === "object") return address;
  throw new ConfigError([{ file: "address", message: "the inherited socket is not one of TCP" }]);
}
