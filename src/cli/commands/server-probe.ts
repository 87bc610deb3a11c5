/** `kes server probe`: a health check for containers that have no other program. */
import { CommandError, command } from "../command.js";

export const serverProbeCommand = command({
  usage: "kes server probe [options]",
  description:
    "Asks a server's health listener whether the server is alive, or with --ready whether it can serve keys. Needs " +
    "'server.health.address' in the server's configuration, and no certificate. Exits with 1 when the answer is no, " +
    "or none comes.",
  options: {
    addr: { type: "string", value: "[IP]:PORT", description: "The health listener. Default: 127.0.0.1:7374" },
    ready: { type: "boolean", description: "Ask for /ready instead of /live" },
    timeout: { type: "string", value: "DURATION", description: "Longest wait for the answer. Default: 3s" },
  },
  args: [0, 0],
  examples: [
    "kes server probe --addr 127.0.0.1:7374",
    "kes server probe --addr 127.0.0.1:7374 --ready --timeout 1s",
  ],

  async run({ options }, context) {
    const { durationOf } = await import("../positive.js");
    const { parseAddress } = await import("../server/address.js");
    const { askHealth } = await import("../server/probe.js");
    const timeoutMs = await durationOf("timeout", options.timeout ?? "3s", 1);
    const address = parseAddress(options.addr ?? "127.0.0.1:7374");
    const question = options.ready ? "ready" : "live";
    const answer = await askHealth(address, question, timeoutMs);
    if (answer.status !== 200) {
      const isNo = answer.status === 503;
      throw new CommandError(isNo ? "the server is not ready" : answer.reason, {
        hints: isNo ? [] : ["it answers where the configuration has 'server.health.address'"],
      });
    }
    context.output.data(`${question}\n`);
    return undefined;
  },
});
