// node follow-audit-log.mjs: refused requests as they happen, until Ctrl-C.
import { connect } from "./connect.mjs";

const client = connect();
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => stop.abort());

const log = client.auditLog({
  signal: stop.signal,
  onConnect: (endpoint) => console.error(`following ${endpoint}`),
  // The server keeps no history: what happened during a gap is in its own log only.
  onGap: ({ cause, retryInMs }) =>
    console.error(`gap: ${cause?.message ?? "closed"}; again in ${retryInMs} ms`),
});
// Ends without an error when the signal aborts it.
for await (const { time, request, response } of log) {
  if (response.code !== 403) continue;
  // The path is what some client sent: escaped, so that nobody writes to this terminal by it.
  console.log(`${time} ${request.identity ?? "nobody"} ${encodeURI(request.path)}`);
}
await client.close();
