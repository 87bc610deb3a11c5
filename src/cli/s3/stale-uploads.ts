/** Looking now and then for uploads that nobody goes on with. */
import { causes } from "../../audit/error-log.js";
import type { LocalObjects } from "../../storage/local/local-objects.js";
import { isS3Error } from "../../storage/s3/errors.js";
import type { UploadSettings } from "./upload-settings.js";

export interface StaleUploadWatch {
  readonly note: (text: string) => void;
  /** Called with how many of them a look has removed. */
  readonly removed: (count: number) => void;
}

/** Begins at once, and ends with `service`. One look at a time, however long it takes. */
export function removeStaleUploads(
  service: LocalObjects,
  { expiryMs, intervalMs }: UploadSettings,
  { note, removed }: StaleUploadWatch,
): void {
  if (expiryMs === undefined) return;
  const look = async (): Promise<void> => {
    try {
      const { count, failure } = await service.removeStaleUploads(expiryMs);
      removed(count);
      if (count > 0) note(removedText(count, expiryMs));
      if (failure !== undefined) note(`uploads that nobody goes on with are left: ${causes(failure)}`);
    } catch (error) {
      // It was closed.
      if (isS3Error(error, "UNAVAILABLE")) return;
      note(`looking for uploads that nobody goes on with failed: ${causes(error)}`);
    }
    // A server must not stay for this.
    setTimeout(() => void look(), intervalMs).unref();
  };
  void look();
}

function removedText(count: number, expiryMs: number): string {
  const hours = expiryMs / 3_600_000;
  const time = Number.isInteger(hours) ? `${hours} h` : `${Math.round(expiryMs / 1000)} s`;
  const uploads = count === 1 ? "1 upload in parts was" : `${count} uploads in parts were`;
  return `${uploads} removed: nobody had gone on for ${time}`;
}
