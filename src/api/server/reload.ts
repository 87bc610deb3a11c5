import { route } from "../route.js";

/**
 * `PUT /v1/server/reload`: reads the configuration again, as SIGHUP does; for those who cannot send a signal. What is
 * wrong with a file is told in the error log alone, for messages about files belong to who runs the server.
 */
export const reloadServer = route({
  method: "PUT",
  path: "/v1/server/reload",
  argument: "none",
  timeoutMs: 60_000,
  auditMessage: "configuration reloaded",
  doc: {
    summary: "Reload the configuration",
    description:
      "All or nothing: after a failure everything is as before. Answered when the new configuration is in force. " +
      "The listening address and the number of workers stay.",
    errors: ["RELOAD_FAILED"],
  },

  async handle(_call, { whole }) {
    await whole.reload();
    return undefined;
  },
});
