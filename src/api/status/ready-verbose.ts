import { reply } from "../key/shared.js";
import { route } from "../route.js";
import type { Finding } from "./finding.js";
import { selfChecks } from "./self-checks.js";

const finding = reply(
  {
    check: { type: "string" },
    level: { enum: ["ok", "warning", "error"] },
    message: { type: "string" },
    remedy: { type: "string" },
  },
  ["remedy"],
);

/**
 * `GET /v1/ready/verbose`: what the server finds when it looks at itself. A route of its own and not a query of
 * `/v1/ready`: policies are about paths, and that one may be open to everybody.
 */
export const readyVerbose = route({
  method: "GET",
  path: "/v1/ready/verbose",
  argument: "none",
  counted: false,
  doc: {
    summary: "What the server finds about itself, with remedies",
    description: "Always 200. `ready` says what `/v1/ready` answers. `kes doctor` shows the findings.",
    reply: reply({ ready: { type: "boolean" }, findings: { type: "array", items: finding } }),
  },

  async handle(call, { keys, whole }): Promise<{ ready: boolean; findings: readonly Finding[] }> {
    const [keystore, figures] = await Promise.all([keys.status(call), whole.figures()]);
    const input = { keystore, figures, areWorkersFailing: whole.failing, nowMs: Date.now() };
    return { ready: keystore.ok && !whole.failing, findings: selfChecks(input) };
  },
});
