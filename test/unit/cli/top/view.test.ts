import { expect } from "chai";
import { widthOf } from "../../../../src/cli/terminal/text.js";
import { clockText } from "../../../../src/cli/terminal/units.js";
import { plainLines } from "../../../../src/cli/top/plain.js";
import {
  type ServerFigures,
  sorted,
  sumOfChanges,
  type TopSnapshot,
} from "../../../../src/cli/top/snapshot.js";
import { topLines, type ViewOptions } from "../../../../src/cli/top/view.js";
import type { RowFigures } from "../../../../src/cli/top/window.js";
import { fakeMetrics, fakeStatus } from "../../../support/fake-server.js";
import { plainStyle, taggedStyle } from "../../../support/plain-style.js";

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);

function row(name: string, requests: number, own: Partial<RowFigures> = {}): RowFigures {
  const times = { p50: 431_000, p95: 2_230_000, p99: 6_320_000, max: 19_800_000 };
  return { name, requests, erred: 0, failed: 0, ...times, ...own };
}

const change = {
  ...{ requests: 65, erred: 6.5, failed: 0, errorEvents: 0, cacheHits: 58.8, cacheMisses: 2.6, meanNs: 1e6 },
  times: [
    { upToNs: 10_000_000, count: 600 },
    { upToNs: 50_000_000, count: 45 },
    { upToNs: Number.POSITIVE_INFINITY, count: 5 },
  ],
};
const figures: ServerFigures = {
  ...{ name: "127.0.0.1:7373", isUp: true, change },
  status: fakeStatus(),
  metrics: fakeMetrics({ cache: [100, 5, 3] }),
  audited: row("total", 65),
};
const identity = "7300dba9a476da2005410f0e42ceedc30c9e59715b7577c81cc7a72b4bd7f8f4";
const snapshot: TopSnapshot = {
  ...{ nowMs: NOW, windowSeconds: 10, servers: [figures], notes: [] },
  total: row("total", 65, { erred: 6.5 }),
  routes: [
    row("/v1/key/decrypt/", 16.5, { erred: 2.43 }),
    row("/v1/key/generate/", 35.7),
    row("/v1/key/create/", 12, { failed: 1 }),
  ],
  identities: [row(identity, 49), row("others", 16)],
};
const view: ViewOptions = {
  ...{ style: plainStyle, columns: 80, rows: 24, order: "requests", paused: false, help: false },
};
const many = (name: string, count: number): RowFigures[] =>
  Array.from({ length: count }, (_, i) => row(`${name}-${String(i).padStart(2, "0")}`, count - i));

describe("cli/top/view", () => {
  it("shows at 80 by 24 what matters, aligned", () => {
    expect(topLines(snapshot, view).slice(0, 15)).to.deep.equal([
      `kes top  127.0.0.1:7373  up 1d 2h  1.2.3                                ${clockText(NOW)}`,
      "Requests  65.0/s   4xx 6.50/s (10.0%)   5xx 0   active 1   since start 100",
      "Latency   p50 431µs   p95 2.23ms   p99 6.32ms   max 19.8ms   last 10s",
      "Cache     hits 95.8%   58.8/s from memory   2.60/s not   3 keys in memory",
      "Keystore  ok, 3ms",
      "Memory    heap 31.2MB   error log 0/s",
      "",
      "ROUTE                        REQ/S  4XX/S  5XX/S     P50     P95     P99     MAX",
      "/v1/key/generate/             35.7      0      0   431µs  2.23ms  6.32ms  19.8ms",
      "/v1/key/decrypt/              16.5   2.43      0   431µs  2.23ms  6.32ms  19.8ms",
      "/v1/key/create/               12.0      0   1.00   431µs  2.23ms  6.32ms  19.8ms",
      "",
      "IDENTITY                     REQ/S  4XX/S  5XX/S     P50     P95     P99     MAX",
      "7300dba9a476da2005410f0e42…   49.0      0      0   431µs  2.23ms  6.32ms  19.8ms",
      "others                        16.0      0      0   431µs  2.23ms  6.32ms  19.8ms",
    ]);
  });

  const sizes: readonly (readonly [columns: number, rows: number])[] = [
    ...([
      [80, 24],
      [140, 40],
      [60, 15],
      [40, 10],
      [20, 5],
      [10, 3],
      [1, 1],
      [300, 100],
    ] as const),
  ];
  for (const [columns, rows] of sizes) {
    it(`fits ${columns} by ${rows}, however much there is to show`, () => {
      const servers = Array.from({ length: 20 }, (_, i) => ({
        ...figures,
        name: `key-server-${i}.a-datacenter-with-a-long-name.example.com:7373`,
      }));
      const notes = Array.from({ length: 9 }, (_, i) => `note ${i} ${"that is long ".repeat(30)}`);
      const crowded = { ...snapshot, servers, notes, routes: many("route", 65), identities: many("id", 65) };
      for (const [shown, help] of [
        [snapshot, false],
        [crowded, false],
        [crowded, true],
      ] as const) {
        const lines = topLines(shown, { ...view, columns, rows, help });
        expect(lines).to.have.length(rows);
        // Below forty columns figures are cut by the terminal.
        if (columns >= 60) for (const line of lines) expect(widthOf(line), line).to.be.at.most(columns);
      }
    });
  }

  it("shows identities in full where there is room", () => {
    expect(topLines(snapshot, { ...view, columns: 140 }).join("\n")).to.include(`${identity}  `);
  });

  it("gives each table its part of the rows and says how many are hidden", () => {
    const crowded = { ...snapshot, routes: many("route", 30), identities: many("id", 30) };
    const lines = topLines(crowded, view);
    expect(lines.filter((line) => line.startsWith("route-"))).to.have.length(6);
    expect(lines.filter((line) => line.startsWith("id-"))).to.have.length(5);
    expect(lines.filter((line) => line.startsWith("…"))).to.deep.equal(["… 24 more", "… 25 more"]);
  });

  it("has a table of servers when there are several", () => {
    const downServer: ServerFigures = { name: "10.0.0.2:7373", isUp: false };
    const lines = topLines({ ...snapshot, servers: [figures, downServer] }, view);
    expect(lines[0]).to.match(/^kes top {2}1 of 2 servers up /);
    expect(lines[7]).to.match(/^SERVER +STATE +UP +REQ\/S +5XX\/S +P99 +CACHE +KEYSTORE +HEAP$/);
    expect(lines[8]).to.match(/^127\.0\.0\.1:7373 +up +1d 2h +65\.0 +0 +6\.32ms +95\.8% +ok, 3ms +31\.2MB$/);
    expect(lines[9]).to.match(/^10\.0\.0\.2:7373 +down +- +- +- +- +- +- +-$/);
  });

  it("warns in colour, and only then", () => {
    const lines = topLines(snapshot, { ...view, style: taggedStyle }).join("\n");
    expect(lines).to.include("<yellow:4xx 6.50/s (10.0%)>").and.include("5xx 0");
    expect(lines).to.include("<yellow:2.43>").and.include("<red:1.00>");
    const bad = { ...figures, status: fakeStatus({ keystoreUnavailable: true, keystoreUnreachable: true }) };
    const shown = topLines({ ...snapshot, servers: [bad] }, { ...view, style: taggedStyle }).join("\n");
    expect(shown).to.include("Keystore  <red:not reachable>");
  });

  it("makes do with the metrics alone, and says that times are bounds", () => {
    const { total: _, ...rest } = snapshot;
    const lines = topLines({ ...rest, routes: [], identities: [], notes: ["no audit log"] }, view);
    expect(lines[2]).to.equal("Latency   p50 ≤10.0ms   p95 ≤50.0ms   p99 ≤50.0ms   last 10s");
    expect(lines.join("\n")).to.include("! no audit log").and.not.include("ROUTE");
  });

  it("makes do with the audit log alone", () => {
    const alone = { ...snapshot, servers: [{ name: "a:1", isUp: true, audited: row("total", 65) }] };
    expect(topLines(alone, view).slice(1, 6)).to.deep.equal([
      "Requests  65.0/s   4xx 6.50/s (10.0%)   5xx 0",
      "Latency   p50 431µs   p95 2.23ms   p99 6.32ms   max 19.8ms   last 10s",
      "Cache     -",
      "Keystore  -",
      "Memory    -",
    ]);
  });

  it("has figures that say so before the first answer", () => {
    const empty = { ...snapshot, servers: [{ name: "a:1", isUp: false }], routes: [], identities: [] };
    const { total: _, ...nothing } = empty;
    expect(topLines(nothing, view)[1]).to.equal("Requests  no figures yet");
  });

  it("sorts as asked, equals by name", () => {
    const rows = [
      row("b", 1, { p99: 9 }),
      row("a", 1, { p99: 9 }),
      row("c", 5, { p99: 1 }),
      row("d", 0.1, { failed: 0.1 }),
    ];
    const order = (by: Parameters<typeof sorted>[1]): string =>
      sorted(rows, by)
        .map(({ name }) => name)
        .join("");
    expect(order("requests")).to.equal("cabd");
    expect(order("errors")).to.equal("dabc");
    expect(order("latency")).to.equal("dabc");
    expect(order("name")).to.equal("abcd");
  });

  it("says when it is paused, and how to go on", () => {
    const lines = topLines(snapshot, { ...view, paused: true });
    expect(lines[0]).to.match(/paused$/);
    expect(lines.at(-1)).to.equal("q quit   p go on   s sort: requests   ? help");
  });

  it("adds the figures of several servers up", () => {
    const sum = sumOfChanges([figures, figures, { name: "old:1", isUp: true }]);
    expect(sum).to.include({ requests: 130, erred: 13, cacheHits: 117.6, meanNs: 1e6 });
    expect(sum?.times[0]).to.deep.equal({ upToNs: 10_000_000, count: 1200 });
    expect(sumOfChanges([{ name: "old:1", isUp: true }])).to.equal(undefined);
  });
});

describe("cli/top/plain", () => {
  it("is key=value, the total first", () => {
    expect(
      plainLines(snapshot).map((line) => line.replace(/^time=2026-01-02T03:04:05\.000Z /, "")),
    ).to.deep.equal([
      "servers=1/1 requests=65 4xx=6.5 5xx=0 active=1 p50_ms=0.431 p95_ms=2.23 p99_ms=6.32 max_ms=19.8 cache_hits=58.8 cache_misses=2.6 keystore_ms=3 keystores_down=0",
      "route=/v1/key/generate/ requests=35.7 4xx=0 5xx=0 p50_ms=0.431 p95_ms=2.23 p99_ms=6.32 max_ms=19.8",
      "route=/v1/key/decrypt/ requests=16.5 4xx=2.43 5xx=0 p50_ms=0.431 p95_ms=2.23 p99_ms=6.32 max_ms=19.8",
      "route=/v1/key/create/ requests=12 4xx=0 5xx=1 p50_ms=0.431 p95_ms=2.23 p99_ms=6.32 max_ms=19.8",
      `identity=${identity} requests=49 4xx=0 5xx=0 p50_ms=0.431 p95_ms=2.23 p99_ms=6.32 max_ms=19.8`,
      "identity=others requests=16 4xx=0 5xx=0 p50_ms=0.431 p95_ms=2.23 p99_ms=6.32 max_ms=19.8",
    ]);
  });

  it("has no blank within a value, and leaves out what is not known", () => {
    const odd = { ...snapshot, servers: [{ name: "a:1", isUp: false }], routes: [row("(no such path)", 1)] };
    const { total: _, ...rest } = { ...odd, identities: [] };
    const lines = plainLines(rest);
    expect(lines[0]).to.match(/ servers=0\/1$/);
    expect(lines[1]).to.include("route=(no_such_path) ");
    for (const line of lines) for (const pair of line.split(" ")) expect(pair).to.match(/^[\w]+=\S+$/);
  });
});
