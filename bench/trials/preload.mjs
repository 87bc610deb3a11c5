/**
 * Loaded before the server (`node --import`): turns the one thing that a trial tries, which the product has no switch
 * for, and counts the time of the garbage collector.
 *
 * `KESWICK_TRIAL` is JSON of a {@link import("./trial.js").Patch}, `KESWICK_TRIAL_MAIN` the URL of the compiled
 * `main.js`, and on SIGUSR2 the milliseconds of all collections so far go to the file `KESWICK_TRIAL_GC`.
 */
import { renameSync, writeFileSync } from "node:fs";
import http from "node:http";
import { syncBuiltinESMExports } from "node:module";
import net from "node:net";
import { PerformanceObserver } from "node:perf_hooks";
import tls from "node:tls";

const patch = JSON.parse(process.env.KESWICK_TRIAL ?? "{}");
const main = process.env.KESWICK_TRIAL_MAIN ?? "";

/** A method of the server's own, which must be there: or a trial would compare a server with itself. */
async function change(path, className, method, make) {
  const { prototype } = (await import(new URL(`../server/${path}`, main)))[className];
  if (typeof prototype[method] !== "function") throw new Error(`${path}: no ${className}.${method}`);
  prototype[method] = make(prototype[method]);
}

if (patch.secureContext !== undefined) {
  const make = tls.createSecureContext;
  tls.createSecureContext = (options) => make({ ...options, ...patch.secureContext });
}
if (patch.noDelay !== undefined) {
  const make = net.createServer;
  net.createServer = (options, ...rest) => make({ ...options, noDelay: patch.noDelay }, ...rest);
}
if (patch.maxSendFragment !== undefined) {
  // The listener calls it for each connection before its handshake.
  const { disableRenegotiation } = tls.TLSSocket.prototype;
  tls.TLSSocket.prototype.disableRenegotiation = function () {
    disableRenegotiation.call(this);
    if (!this.setMaxSendFragment(patch.maxSendFragment)) throw new Error("OpenSSL refuses that fragment");
  };
}
if (patch.http2Flush === "turn") await change("http2/pace.js", "Pace", "waits", () => () => true);
if (patch.http2Flush === "read") {
  await change("http2/pace.js", "Pace", "waits", () => () => false);
}
if (patch.http2Flush === "each") {
  await change("http2/pace.js", "Pace", "waits", () => () => true);
  await change("http2/turn.js", "Turn", "add", () => (session) => session.flush());
}
if (patch.http1Parts === "own") {
  await change(
    "http1/session.js",
    "Http1Session",
    "send",
    (send) =>
      function (octets, sent) {
        const body = octets.indexOf("\r\n\r\n") + 4;
        send.call(this, octets.slice(0, body));
        this.flush();
        send.call(this, octets.slice(body), sent);
        this.flush();
      },
  );
}
if (patch.http1Parts === "node") {
  const { end } = http.ServerResponse.prototype;
  http.ServerResponse.prototype.end = function (...args) {
    this.flushHeaders();
    return end.apply(this, args);
  };
}
syncBuiltinESMExports();

let collectingMs = 0;
new PerformanceObserver((list) => {
  for (const { duration } of list.getEntries()) collectingMs += duration;
}).observe({ entryTypes: ["gc"] });

process.on("SIGUSR2", () => {
  const file = process.env.KESWICK_TRIAL_GC ?? "";
  writeFileSync(`${file}.new`, String(collectingMs));
  renameSync(`${file}.new`, file);
});
