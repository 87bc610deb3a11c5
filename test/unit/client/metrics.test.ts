import { expect } from "chai";
import fc from "fast-check";
import { metricsOf } from "../../../src/client/metrics.js";
import { reply } from "../../support/fake-transport.js";

const TEXT = `# HELP kes_http_request_active Requests
# TYPE kes_http_request_active gauge
kes_http_request_active 3
# TYPE kes_http_request_success counter
kes_http_request_success{code="200"} 41
kes_http_request_success{code="201"} 1 1700000000000
kes_http_request_error{code="400"} 2
kes_http_request_error{code="404",} 5
kes_http_request_failure{code="502"} 7
kes_http_response_time_bucket{le="0.25"} 48
kes_http_response_time_bucket{le="+Inf"} 50
kes_http_response_time_bucket{le="0.01"} 40
kes_http_response_time_sum 1.5e+00
kes_http_response_time_count 50
kes_log_audit_events 9
kes_log_error_events 8
kes_system_up_time 12.34
kes_system_num_cpu 4
kes_system_num_cpu_used 2
kes_system_num_threads 11
kes_system_mem_heap_used 1.048576e+06
kes_system_mem_heap_objects 12
kes_system_mem_stack_used 13
odd{a="}\\"\\\\\\n",b="x"} NaN
`;

const text = (body: string): ReturnType<typeof reply> =>
  reply(Buffer.from(body), { contentType: "text/plain" });

describe("metrics text", () => {
  it("gives KES's figures", () => {
    const { samples, ...figures } = metricsOf(text(TEXT));
    expect(figures).to.deep.equal({
      requestsSucceeded: 42,
      requestsErred: 7,
      requestsFailed: 7,
      requestsActive: 3,
      auditEvents: 9,
      errorEvents: 8,
      responseTimes: [
        { upToNs: 10_000_000, count: 40 },
        { upToNs: 250_000_000, count: 48 },
        { upToNs: Number.POSITIVE_INFINITY, count: 50 },
      ],
      responseTimeSumSeconds: 1.5,
      uptimeSeconds: 12.34,
      cpus: 4,
      usableCpus: 2,
      threads: 11,
      heapUsedBytes: 1_048_576,
      heapObjects: 12,
      stackUsedBytes: 13,
    });
    expect(samples.get('kes_http_request_success{code="200"}')).to.equal(41);
    expect(samples.get('odd{a="}\\"\\\\\\n",b="x"}')).to.satisfy(Number.isNaN);
    expect(samples.size).to.equal(21);
  });

  it("reads 0 for a family that has not appeared yet", () => {
    expect(metricsOf(text("kes_system_up_time 1\n")).requestsFailed).to.equal(0);
  });

  for (const [what, body] of [
    ["nothing", ""],
    ["a page", "<html>\n"],
    ["figures of something else", "go_threads 1\n"],
    ["a value that is none", "kes_system_up_time 0x10\n"],
    ["an empty value", "kes_system_up_time \n"],
    ["labels without end", 'kes_system_up_time{a="b 1\n'],
    ["labels without value", "kes_system_up_time{a} 1\n"],
    ["labels without a comma between", 'kes_system_up_time{a="1"b="2"} 1\n'],
    ["more samples than any server has", "kes_x 1\n".repeat(10_001)],
  ] as const) {
    it(`refuses ${what}`, () => {
      expect(() => metricsOf(text(body)))
        .to.throw()
        .with.property("code", "ANSWER_INVALID");
    });
  }

  for (const [what, labels] of [
    ["quotes", 'a="'.repeat(300_000)],
    ["letters", "a".repeat(900_000)],
    ["labels without value", "a,".repeat(450_000)],
    ["blanks", `a${" ".repeat(900_000)}`],
    ["backslashes", `a="${"\\".repeat(900_001)}`],
  ] as const) {
    it(`takes little time for a hostile line of ${what}`, () => {
      const startMs = performance.now();
      expect(() => metricsOf(text(`kes_x{${labels}} 1`)))
        .to.throw()
        .with.property("code", "ANSWER_INVALID");
      // The square of the length would be minutes.
      expect(performance.now() - startMs).to.be.below(10_000);
    });
  }

  it("reads whatever labels there are", () => {
    const word = fc.stringMatching(/^[A-Za-z_]\w{0,8}$/);
    const labels = fc.dictionary(word, fc.string({ unit: "grapheme", maxLength: 20 }), {
      minKeys: 1,
      maxKeys: 5,
    });
    fc.assert(
      fc.property(labels, (all) => {
        const escaped = (value: string): string =>
          value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
        const written = Object.entries(all).map(([name, value]) => `${name}="${escaped(value)}"`);
        const line = `kes_x{${written.join(",")}} 7`;
        expect(metricsOf(text(line)).samples.get(line.slice(0, -2))).to.equal(7);
      }),
    );
  });
});
