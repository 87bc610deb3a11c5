import { MEDIA_TYPES } from "../../metrics/exposition.js";
import { prefersOpenMetrics } from "../../metrics/full/negotiate.js";
import { route, TextReply } from "../route.js";

/**
 * `GET /v1/metrics/full`: everything there is to tell, by route, key, identity and process. Apart from `/v1/metrics`,
 * whose clients fail on families with several samples, and never open to everybody, for it names keys.
 */
export const metricsFull = route({
  method: "GET",
  path: "/v1/metrics/full",
  argument: "none",
  counted: false,
  doc: {
    summary: "All metrics in Prometheus' text form or as OpenMetrics",
    description:
      "`Accept: application/openmetrics-text` gets OpenMetrics 1.0. Names keys and identities, as many as " +
      "`metrics.max_keys` and `metrics.max_identities` allow.",
    mediaType: MEDIA_TYPES.text,
    reply: { type: "string" },
  },

  async handle(call, { metrics, whole }) {
    const form = prefersOpenMetrics(call.accept()) ? "openmetrics" : "text";
    return new TextReply(MEDIA_TYPES[form], await metrics.fullText(form, await whole.figures()));
  },
});
