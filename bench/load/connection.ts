/** One kept-alive connection of a Node client. */
import { connect as connectH2 } from "node:http2";
import { Agent, request as requestH1 } from "node:https";
import type { LoadRequest, Protocol } from "../compare/generator.js";

export interface Connection {
  /** Resolves to the body of a 200. */
  ask(request: LoadRequest): Promise<string>;
}

interface Credentials {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

export async function connect(
  url: string,
  protocol: Protocol,
  credentials: Credentials,
): Promise<Connection> {
  return protocol === "h1" ? http1(url, credentials) : await http2(url, credentials);
}

async function http2(url: string, credentials: Credentials): Promise<Connection> {
  const session = await new Promise<ReturnType<typeof connectH2>>((resolve, reject) => {
    const made = connectH2(url, credentials, () => resolve(made));
    made.once("error", reject);
  });
  return {
    ask: ({ method, path, headers = {}, body = "" }) =>
      new Promise((resolve, reject) => {
        // Without a length, as Go's clients send bodies.
        const stream = session.request(
          { ":method": method, ":path": path, ...headers },
          { endStream: body === "" },
        );
        let status = 0;
        let text = "";
        stream.setEncoding("utf8");
        stream.on("response", (answered) => {
          status = Number(answered[":status"]);
        });
        stream.on("data", (piece: string) => {
          text += piece;
        });
        stream.on("error", reject);
        stream.on("end", () => settle(status, text, resolve, reject));
        if (body !== "") stream.end(body);
      }),
  };
}

function http1(url: string, credentials: Credentials): Connection {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ...credentials });
  return {
    ask: ({ method, path, headers = {}, body = "" }) =>
      new Promise((resolve, reject) => {
        const outgoing = requestH1(`${url}${path}`, { method, agent, headers }, (answer) => {
          let text = "";
          answer.setEncoding("utf8");
          answer.on("data", (piece: string) => {
            text += piece;
          });
          answer.on("error", reject);
          answer.on("end", () => settle(answer.statusCode ?? 0, text, resolve, reject));
        });
        outgoing.on("error", reject);
        outgoing.end(body);
      }),
  };
}

function settle(
  status: number,
  text: string,
  resolve: (text: string) => void,
  reject: (error: Error) => void,
): void {
  if (status === 200) resolve(text);
  else reject(new Error(`status ${status}: ${text.slice(0, 200)}`));
}
