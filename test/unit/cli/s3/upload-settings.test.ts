import { expect } from "chai";
import { readUploadSettings } from "../../../../src/cli/s3/upload-settings.js";
import { ConfigError } from "../../../../src/errors.js";

const EXPIRY = "MINIO_API_STALE_UPLOADS_EXPIRY";
const INTERVAL = "MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL";
const HOUR_MS = 3_600_000;

describe("cli/s3 settings of uploads that lie still", () => {
  for (const [what, environment, expiryMs, intervalMs] of [
    ["MinIO's usual values", {}, 24 * HOUR_MS, 6 * HOUR_MS],
    ["empty ones as the usual", { [EXPIRY]: "", [INTERVAL]: "" }, 24 * HOUR_MS, 6 * HOUR_MS],
    ["durations", { [EXPIRY]: "168h", [INTERVAL]: "30m" }, 168 * HOUR_MS, HOUR_MS / 2],
    ["the least", { [EXPIRY]: "1s", [INTERVAL]: "1s" }, 1_000, 1_000],
    ["off", { [EXPIRY]: "off" }, undefined, 6 * HOUR_MS],
    ["nothing as off", { [EXPIRY]: "0s" }, undefined, 6 * HOUR_MS],
  ] as const) {
    it(`reads ${what}`, async () => {
      expect(await readUploadSettings(environment)).to.deep.equal({ expiryMs, intervalMs });
    });
  }

  for (const [name, value, reason] of [
    [EXPIRY, "1 day", "is a duration such as 24h or 30m, of at least 1s, or 'off'"],
    [EXPIRY, "-1h", "of at least 1s"],
    [EXPIRY, "999ms", "of at least 1s"],
    [INTERVAL, "0", "of at least 1s"],
    [INTERVAL, "off", "of at least 1s"],
    [INTERVAL, "577h", "of at most 576h"],
  ] as const) {
    it(`refuses ${name}=${value}`, async () => {
      try {
        await readUploadSettings({ [name]: value });
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        expect(error.faults.map(({ path }) => path)).to.deep.equal([name]);
        expect(error.message).to.contain(reason);
        return;
      }
      expect.fail("was taken");
    });
  }
});
