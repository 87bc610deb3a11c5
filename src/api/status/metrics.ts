import { route, TextReply } from "../route.js";

/** Version 0.0.4 of the exposition format. */
const MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** `GET /v1/metrics`: Prometheus text; exactly KES's families, since old clients refuse others. */
export const metrics = route({
  method: "GET",
  path: "/v1/metrics",
  argument: "none",
  maySkipAuth: true,
  counted: false,
  doc: { summary: "Metrics in Prometheus' text form", mediaType: MEDIA_TYPE, reply: { type: "string" } },

  async handle(_call, { metrics, whole }) {
    return new TextReply(MEDIA_TYPE, await metrics.text(await whole.figures()));
  },
});
