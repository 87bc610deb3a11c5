import { expect } from "chai";
import { type SelfCheckInput, selfChecks } from "../../../src/api/status/self-checks.js";
import { KesError } from "../../../src/errors.js";
import { auditFamilies } from "../../../src/metrics/full/audit.js";
import { type Family, gauge, gauges } from "../../../src/metrics/full/family.js";

const NOW_MS = Date.UTC(2025, 0, 1);
const day = (days: number): number => NOW_MS / 1000 + days * 86_400;

function look(full: readonly Family[], more: Partial<SelfCheckInput> = {}) {
  const figures = {
    ...{ codes: [], buckets: [], seconds: 0, active: 0, errorEvents: 0, auditEvents: 0 },
    ...{ heapUsedBytes: 0, stackBytes: 0, tasks: 0, full },
  };
  const keystore = { ok: true, latencyMs: 2 } as const;
  const findings = selfChecks({ keystore, figures, areWorkersFailing: false, nowMs: NOW_MS, ...more });
  return findings.map(({ check, level, message }) => `${level} ${check}: ${message}`);
}

const down: Partial<SelfCheckInput> = {
  keystore: { ok: false, error: new KesError("KEYSTORE_UNREACHABLE") },
};
const window = (seconds: number, left: number): Family[] => [
  gauge("kes_offline_window_seconds", "", seconds, "max"),
  gauge("kes_offline_window_left_seconds", "", left, "min"),
];
const audit = {
  ...{ records: 5, lost: 0, batches: 1, writeSeconds: 0, failing: false, bytes: 1, unsigned: 0 },
  ...{ secondsSinceCheckpoint: 1, forwarders: [] },
};
const certificate = (use: string, seconds: number): Family =>
  gauges("kes_certificate_end_time_seconds", "", [{ labels: { use, identity: "" }, value: seconds }], "min");
const files = (open: number, max: number): Family[] => [
  gauges("kes_process_open_files", "", [{ labels: { worker: "1" }, value: open }], "max"),
  gauges("kes_process_max_files", "", [{ labels: { worker: "1" }, value: max }], "max"),
];

const rows: readonly [what: string, full: readonly Family[], more: Partial<SelfCheckInput>, told: string][] =
  [
    ["a keystore that answers", [], {}, "ok keystore: the keystore answers in 2 ms"],
    [
      "a slow keystore",
      [],
      { keystore: { ok: true, latencyMs: 900 } },
      "warning keystore: the keystore needs 900 ms for an answer",
    ],
    ["a keystore out of reach", [], down, "error keystore: key store is not reachable"],
    [
      "an offline window in use",
      window(600, 250),
      down,
      "warning offline window: keys in memory stay in use for another 250 s",
    ],
    [
      "an offline window that is over",
      window(600, 0),
      down,
      "error offline window: the offline window is over: no key can be used",
    ],
    [
      "a certificate",
      [certificate("tls.cert", day(90))],
      {},
      "ok certificate: the server's certificate ends on 2025-04-01, in 90 days",
    ],
    [
      "a certificate that ends soon",
      [certificate("policy.minio", day(1.5))],
      {},
      "warning certificate: the certificate of 'policy.minio' ends on 2025-01-02, in 1 day",
    ],
    [
      "a certificate that has ended",
      [certificate("tls.cert", day(-1))],
      {},
      "error certificate: the server's certificate ended on 2024-12-31",
    ],
    [
      "workers that end",
      [],
      { areWorkersFailing: true },
      "error workers: worker processes end again and again",
    ],
    [
      "a blocked event loop",
      [gauge("kes_event_loop_delay_max_seconds", "", 1.25, "max")],
      {},
      "warning event loop: was blocked for 1250 ms during the last minute",
    ],
    [
      "few files",
      files(20, 256),
      {},
      "warning file limit: 20 of 256 files and sockets are open: that is few",
    ],
    [
      "no files left",
      files(60_000, 65_536),
      {},
      "error file limit: 60000 of 65536 files and sockets are open",
    ],
    ["an audit file", auditFamilies(audit), {}, "ok audit: the audit file is written"],
    [
      "lost records",
      auditFamilies({ ...audit, lost: 7 }),
      {},
      "warning audit: 7 records were lost since the start",
    ],
    [
      "a full disk",
      auditFamilies({ ...audit, lost: 7, failing: true }),
      {},
      "error audit: the audit file cannot be written",
    ],
    [
      "a collector out of reach",
      auditFamilies({
        ...audit,
        forwarders: [{ name: "syslog", sent: 1, skipped: 0, backlogBytes: 9, failing: true }],
      }),
      {},
      "warning audit: the collector 'syslog' cannot be reached",
    ],
  ];

describe("what a server finds about itself", () => {
  for (const [what, full, more, told] of rows) {
    it(`tells of ${what}`, () => {
      expect(look(full, more)).to.include(told);
    });
  }

  it("has a remedy for everything that is not well, and for nothing else", () => {
    for (const [, full, more] of rows) {
      const figures = {
        ...{ codes: [], buckets: [], seconds: 0, active: 0, errorEvents: 0, auditEvents: 0 },
        ...{ heapUsedBytes: 0, stackBytes: 0, tasks: 0, full },
      };
      const keystore = { ok: true, latencyMs: 2 } as const;
      const input = { keystore, figures, areWorkersFailing: false, nowMs: NOW_MS, ...more };
      for (const { level, remedy } of selfChecks(input))
        expect(remedy !== undefined).to.equal(level !== "ok");
    }
  });
});
