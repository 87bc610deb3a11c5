/** One kept-alive connection, and requests on it. */
import { connect } from "node:http2";
import { Agent, request } from "node:https";
import type { Credentials } from "../../test/support/raw-http1.js";
import type { Target } from "../../test/support/send.js";

export interface BenchRequest {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

export interface Connection {
  /** Resolves to the body of a 200. */
  readonly ask: (request: BenchRequest) => Promise<string>;
  readonly close: () => void;
}

type Server = Target & { readonly admin: Credentials };

export function connectH2(server: Server): Connection {
  const session = connect(server.url, credentials(server));
  return {
    ask: ({ method, path, body }) =>
      new Promise((resolve, reject) => {
        const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
        const stream = session.request(
          { ":method": method, ":path": path, ...length },
          { endStream: body === undefined },
        );
        let status = 0;
        let text = "";
        stream.setEncoding("utf8");
        stream.on("response", (headers) => {
          status = Number(headers[":status"]);
        });
        stream.on("data", (chunk: string) => {
          text += chunk;
        });
        stream.on("error", reject);
        stream.on("end", () => settle(status, text, resolve, reject));
        if (body !== undefined) stream.end(body);
      }),
    close: () => session.destroy(),
  };
}

export function connectH1(server: Server): Connection {
  const agent = new Agent({ keepAlive: true, ...credentials(server) });
  return {
    ask: ({ method, path, body = "" }) =>
      new Promise((resolve, reject) => {
        const headers = { "content-length": Buffer.byteLength(body) };
        const outgoing = request(`${server.url}${path}`, { method, agent, headers }, (response) => {
          let text = "";
          response.setEncoding("utf8");
          response.on("data", (chunk: string) => {
            text += chunk;
          });
          response.on("end", () => settle(response.statusCode ?? 0, text, resolve, reject));
        });
        outgoing.on("error", reject);
        outgoing.end(body);
      }),
    close: () => agent.destroy(),
  };
}

function settle(
  status: number,
  text: string,
  resolve: (text: string) => void,
  reject: (error: Error) => void,
): void {
  if (status === 200) resolve(text);
  else reject(new Error(`answered ${status}: ${text}`));
}

function credentials({ ca, admin }: Server): { ca: string; cert: string; key: string } {
  return { ca: ca.certPem, cert: admin.certPem, key: admin.keyPem };
}
