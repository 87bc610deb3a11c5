/** One request on a connection of its own, over either version of HTTP. */
import { connect } from "node:http2";
import { request } from "node:https";
import type { Credentials } from "./raw-http1.js";
import type { TestServer } from "./test-server.js";

export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Where to send to. */
export type Target = { readonly url: string; readonly ca: Pick<TestServer["ca"], "certPem"> };

/** Sends as the holder of a certificate. */
export type Send = (server: Target, as: Credentials, outgoing: Outgoing) => Promise<Answer>;

export const overHttp1: Send = (server, as, { method, path, headers = {}, body }) =>
  new Promise((resolve, reject) => {
    const options = { ...credentials(server, as), method, headers, agent: false };
    const outgoing = request(`${server.url}${path}`, options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        text += chunk;
      });
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      );
      response.on("error", reject);
    });
    outgoing.on("error", reject);
    outgoing.end(body);
  });

export const overHttp2: Send = (server, as, { method, path, headers = {}, body }) =>
  new Promise((resolve, reject) => {
    const session = connect(server.url, credentials(server, as));
    session.on("error", reject);
    // Without a body the headers end the stream: an empty body of unknown length is something else.
    const options = { endStream: body === undefined };
    const stream = session.request({ ":method": method, ":path": path, ...headers }, options);
    let answer: Answer = { status: 0, headers: {}, body: "" };
    let text = "";
    stream.setEncoding("utf8");
    stream.on("response", (got) => {
      answer = { status: Number(got[":status"]), headers: { ...got }, body: "" };
    });
    stream.on("data", (chunk: string) => {
      text += chunk;
    });
    stream.on("error", reject);
    stream.on("end", () => session.close(() => resolve({ ...answer, body: text })));
    if (body !== undefined) stream.end(body);
  });

function credentials(server: Target, as: Credentials): { ca: string; cert: string; key: string } {
  return { ca: server.ca.certPem, cert: as.certPem, key: as.keyPem };
}
