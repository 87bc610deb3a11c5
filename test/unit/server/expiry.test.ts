import { expect } from "chai";
import { ExpiryWatch } from "../../../src/server/expiry.js";

const DAY_MS = 86_400_000;
const START = Date.UTC(2030, 0, 1);

/** A watch on a clock that the test moves. */
function watched(): { watch: ExpiryWatch; warnings: string[]; passDays: (days: number) => void } {
  const warnings: string[] = [];
  let now = START;
  const watch = new ExpiryWatch(
    (message) => warnings.push(message),
    () => now,
  );
  const passDays = (days: number): void => {
    now += days * DAY_MS;
    watch.check();
  };
  return { watch, warnings, passDays };
}

const remedy = "renew it with the same key" as const;

describe("ExpiryWatch", () => {
  it("warns 30, 7 and 1 days ahead and at the end, each once", () => {
    const { watch, warnings, passDays } = watched();
    watch.watch([{ label: "policy.minio (client.crt)", notAfterMs: START + 60 * DAY_MS, remedy }]);
    const seen: number[] = [];
    for (let day = 1; day <= 62; day++) {
      const before = warnings.length;
      for (let i = 0; i < 4; i++) passDays(0.25);
      if (warnings.length > before) seen.push(day);
    }
    watch.close();
    expect(seen).to.deep.equal([30, 53, 59, 60]);
    expect(warnings).to.deep.equal([
      "the certificate of policy.minio (client.crt) ends on 2030-03-02T00:00:00.000Z, in 30 days: renew it with the same key",
      "the certificate of policy.minio (client.crt) ends on 2030-03-02T00:00:00.000Z, in 7 days: renew it with the same key",
      "the certificate of policy.minio (client.crt) ends on 2030-03-02T00:00:00.000Z, in 1 day: renew it with the same key",
      "the certificate of policy.minio (client.crt) has ended on 2030-03-02T00:00:00.000Z: renew it with the same key",
    ]);
  });

  it("gives one warning for a certificate that is found late", () => {
    const { watch, warnings } = watched();
    watch.watch([
      { label: "a", notAfterMs: START + 0.5 * DAY_MS, remedy },
      { label: "b", notAfterMs: START - DAY_MS, remedy },
      { label: "c", notAfterMs: START + 31 * DAY_MS, remedy },
    ]);
    watch.close();
    expect(warnings).to.have.length(2);
    expect(warnings[0]).to.include("of a ends").and.include("in less than a day");
    expect(warnings[1]).to.include("of b has ended");
  });

  it("does not repeat itself after a reload, and begins anew for a renewed certificate", () => {
    const { watch, warnings } = watched();
    const old = { label: "a", notAfterMs: START + 5 * DAY_MS, remedy };
    watch.watch([old]);
    watch.watch([old]);
    expect(warnings).to.have.length(1);
    watch.watch([{ label: "a", notAfterMs: START + 29 * DAY_MS, remedy }]);
    watch.close();
    expect(warnings).to.have.length(2);
  });

  it("forgets what is watched no more", () => {
    const { watch, warnings, passDays } = watched();
    watch.watch([{ label: "a", notAfterMs: START + 60 * DAY_MS, remedy }]);
    watch.watch([]);
    passDays(100);
    watch.close();
    expect(warnings).to.deep.equal([]);
  });
});
