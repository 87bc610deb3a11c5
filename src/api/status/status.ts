import { arch, availableParallelism, cpus, platform } from "node:os";
import { isKesError } from "../../errors.js";
import type { KeyService } from "../../keys/service.js";
import { reply } from "../key/shared.js";
import { type Call, route } from "../route.js";
import { timeText } from "../wire.js";

const integer = { type: "integer", minimum: 0 } as const;

/** `GET /v1/status`: the state of this server and of its keystore. Always 200 for an authorized caller. */
export const status = route({
  method: "GET",
  path: "/v1/status",
  argument: "none",
  maySkipAuth: true,
  counted: false,
  doc: {
    summary: "State of the server",
    description:
      "`uptime` in seconds, `keystore_latency` in milliseconds. An unreachable keystore is unavailable as well. " +
      "`certificates` names the certificates that the configuration gives as identities.",
    reply: reply(
      {
        version: { type: "string" },
        os: { type: "string" },
        arch: { type: "string" },
        uptime: integer,
        num_cpu: integer,
        num_cpu_used: integer,
        mem_heap_used: integer,
        mem_stack_used: integer,
        keystore_latency: integer,
        keystore_unreachable: { const: true },
        keystore_unavailable: { const: true },
        certificates: { type: "array", items: { type: "object" } },
      },
      ["keystore_latency", "keystore_unreachable", "keystore_unavailable", "certificates"],
    ),
  },

  async handle(call, { facts, keys, whole }) {
    const memory = await whole.figures();
    return {
      version: facts.version,
      os: goPlatform(),
      arch: goArch(),
      uptime: Math.round((Date.now() - facts.startedAtMs) / 1000),
      num_cpu: cpus().length,
      num_cpu_used: availableParallelism(),
      mem_heap_used: memory.heapUsedBytes,
      mem_stack_used: memory.stackBytes,
      ...(await keystoreState(keys, call)),
      ...(facts.certificates.length > 0
        ? {
            certificates: facts.certificates.map(({ use, identity, notAfterMs }) => ({
              use,
              identity,
              expires_at: timeText(notAfterMs),
            })),
          }
        : {}),
    };
  },
});

/** Clients of KES expect both flags when the keystore is out of reach (reference §3.4). */
async function keystoreState(keys: KeyService, call: Call): Promise<object> {
  const found = await keys.status(call).then(
    (state) => (state.ok ? state.latencyMs : state.error),
    (error: unknown) => error,
  );
  if (typeof found === "number") return { keystore_latency: Math.max(1, Math.round(found)) };
  // A time-out comes from a deadline that is shorter than the probe's own.
  const unreachable = isKesError(found, "KEYSTORE_UNREACHABLE", "KEYSTORE_TIMEOUT");
  if (!unreachable && !isKesError(found)) throw found;
  return { ...(unreachable ? { keystore_unreachable: true } : {}), keystore_unavailable: true };
}

function goPlatform(): string {
  const name = platform();
  return name === "win32" ? "windows" : name;
}

function goArch(): string {
  const name = arch();
  return name === "x64" ? "amd64" : name === "ia32" ? "386" : name;
}
