/** A way through a proxy: `CONNECT`. */
import { type ClientRequest, request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { Socket } from "node:net";
import { KesError } from "../errors.js";
import type { Endpoint } from "./endpoints.js";
import { printable } from "./printable.js";

/** What is under way: the connection, once there is one, and how to give up. */
export interface Tunnel {
  readonly socket: Promise<Socket>;
  cancel(): void;
}

/** Asks `proxy` for a connection to `endpoint`. The promise rejects with a KesError `ENDPOINT_UNREACHABLE`. */
export function openTunnel(endpoint: Endpoint, proxy: URL): Tunnel {
  const host = endpoint.host.includes(":") ? `[${endpoint.host}]` : endpoint.host;
  const target = `${host}:${endpoint.port}`;
  const login = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`;
  const send = proxy.protocol === "https:" ? requestHttps : requestHttp;
  const request: ClientRequest = send({
    host: proxy.hostname.replace(/^\[|\]$/g, ""),
    port: proxy.port === "" ? (proxy.protocol === "https:" ? 443 : 80) : Number(proxy.port),
    method: "CONNECT",
    path: target,
    agent: false,
    headers: {
      host: target,
      ...(login === ":" ? {} : { "proxy-authorization": `Basic ${Buffer.from(login).toString("base64")}` }),
    },
  });
  const fault = (reason: string, cause?: unknown): KesError =>
    new KesError("ENDPOINT_UNREACHABLE", [endpoint.url, `proxy ${proxy.host}: ${reason}`], { cause });
  const socket = new Promise<Socket>((resolve, reject) => {
    request.once("connect", (response, connection: Socket, early) => {
      const { statusCode = 0, statusMessage = "" } = response;
      if (statusCode === 200 && early.length === 0) return resolve(connection);
      connection.destroy();
      reject(
        fault(
          statusCode === 200 ? "it sent more than an answer" : printable(`${statusCode} ${statusMessage}`),
        ),
      );
    });
    request.once("response", (response) => {
      response.destroy();
      reject(fault(printable(`${response.statusCode} ${response.statusMessage}`)));
    });
    request.once("error", (cause) => reject(fault(printable(cause.message), cause)));
    request.once("close", () => reject(fault("it closed the connection")));
  });
  request.end();
  return { socket, cancel: () => request.destroy() };
}
