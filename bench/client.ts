/**
 * What the SDK's transport adds to bare clients: a decrypt after another, and fifty at a time, against one server
 * process. `npx tsx bench/client.ts [calls]`
 */
import { once } from "node:events";
import { connect } from "node:http2";
import { Client } from "undici";
import { createTransport } from "../src/client/http-transport.js";
import { defaultTiming } from "../src/client/options.js";
import type { Transport } from "../src/client/transport.js";
import { startServerProcess } from "../test/support/server-process.js";

const CALLS = Number(process.argv[2] ?? 2_000);
const ROUNDS = 5;
const PATH = "/v1/key/decrypt/bench";

const server = await startServerProcess({ auditLevel: 8 });
const tls = { ca: server.ca.certPem, cert: server.admin.certPem, key: server.admin.keyPem };
const options = {
  endpoints: server.url,
  certificate: server.admin.certPem,
  key: server.admin.keyPem,
  ca: server.ca.certPem,
};

const transport = createTransport(options);
const onlyH2 = createTransport(options, {
  timing: { ...defaultTiming, callsBeforeLane: Number.POSITIVE_INFINITY },
});
const transportH1 = createTransport({ ...options, http2: false });
await transport.send({ method: "PUT", path: "/v1/key/create/bench", repeatable: false });
const dek = await transport.send({ method: "PUT", path: "/v1/key/generate/bench", repeatable: true });
const { ciphertext } = JSON.parse(dek.body.toString());
const body = Buffer.from(JSON.stringify({ ciphertext }));

const session = connect(server.url, tls);
const undiciH1 = new Client(server.url, { connect: tls });
const undiciH2 = new Client(server.url, { connect: tls, allowH2: true });

const over = (client: Transport) => async (): Promise<void> => {
  const reply = await client.send({ method: "PUT", path: PATH, body, repeatable: true, timeoutMs: 15_000 });
  check(reply.status, reply.body.toString());
};
const overUndici = (client: Client) => async (): Promise<void> => {
  const headers = { "content-type": "application/json" };
  const reply = await client.request({ method: "PUT", path: PATH, body, headers });
  check(reply.statusCode, await reply.body.text());
};
const overHttp2 = async (): Promise<void> => {
  const stream = session.request({
    ":method": "PUT",
    ":path": PATH,
    "content-type": "application/json",
    "content-length": body.length,
  });
  stream.end(body);
  const [headers] = await once(stream, "response");
  let text = "";
  stream.setEncoding("utf8");
  for await (const chunk of stream) text += chunk;
  check(Number(headers[":status"]), text);
};
const ways: Readonly<Record<string, () => Promise<void>>> = {
  transport: over(transport),
  "transport, HTTP/2": over(onlyH2),
  "node:http2": overHttp2,
  "undici, HTTP/2": overUndici(undiciH2),
  "transport, HTTP/1.1": over(transportH1),
  "undici, HTTP/1.1": overUndici(undiciH1),
};

const micros = new Map<string, number[]>();
for (let round = 0; round < ROUNDS; round++) {
  for (const [name, call] of Object.entries(ways)) {
    // More than it takes the transport to find out how it is used.
    for (let i = 0; i < 300; i++) await call();
    const startMs = performance.now();
    for (let i = 0; i < CALLS; i++) await call();
    micros.set(name, [...(micros.get(name) ?? []), ((performance.now() - startMs) * 1_000) / CALLS]);
  }
}
console.log(
  `${CALLS} decrypts one after another, best and median of ${ROUNDS} rounds in µs; 50 at a time in calls/s`,
);
for (const [name, call] of Object.entries(ways)) {
  const sorted = [...(micros.get(name) ?? [])].sort((a, b) => a - b);
  const startMs = performance.now();
  let left = CALLS;
  const worker = async (): Promise<void> => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: 50 }, worker));
  const perSecond = (CALLS / (performance.now() - startMs)) * 1_000;
  const figures = [sorted[0], sorted[ROUNDS >> 1], perSecond].map((n = 0) => n.toFixed(0).padStart(6));
  console.log(name.padEnd(20), ...figures);
}

await Promise.all([
  transport.close(),
  onlyH2.close(),
  transportH1.close(),
  undiciH1.destroy(),
  undiciH2.destroy(),
]);
session.destroy();
await server.stop();

function check(status: number, text: string): void {
  if (status !== 200 || !JSON.parse(text).plaintext) throw new Error(`${status} ${text}`);
}
