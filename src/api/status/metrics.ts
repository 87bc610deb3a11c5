import { route, TextReply } from "../route.js";

/** `GET /v1/metrics`: Prometheus text; exactly KES's families, since old clients refuse others. */
export const metrics = route({
  method: "GET",
  path: "/v1/metrics",
  argument: "none",
  maySkipAuth: true,
  counted: false,
  doc: { summary: "Metrics in Prometheus' text form" },

  async handle(_call, services) {
    return new TextReply("text/plain; version=0.0.4; charset=utf-8", await services.metrics.text());
  },
});
