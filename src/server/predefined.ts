/** Keys that the configuration wants to exist. */
import type { Config } from "../config/config.js";
import { isKesError } from "../errors.js";
import type { KeyService } from "../keys/service.js";

/** Longest wait for one of them. */
const TIMEOUT_MS = 30_000;

/** Creates those that do not exist. @throws KesError, with `name` told to `failed` */
export async function createPredefined(
  { keys: wanted, admin }: Config,
  keys: KeyService,
  failed: (name: string, error: unknown) => Error,
): Promise<void> {
  for (const { name, algorithm } of wanted) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(), TIMEOUT_MS);
    try {
      const call = { signal: () => controller.signal };
      await keys.create(name, { algorithm, createdBy: admin.text }, call);
    } catch (error) {
      if (!isKesError(error, "KEY_EXISTS")) throw failed(name, error);
    } finally {
      clearTimeout(timer);
    }
  }
}

const MIN_PAUSE_MS = 1_000;
const MAX_PAUSE_MS = 30_000;

/** The same for a server that serves already: again and again until it is done, or `isOver`. */
export function createPredefinedLater(create: () => Promise<void>, isOver: () => boolean): void {
  const attempt = (pauseMs: number): void => {
    create().catch(() => {
      setTimeout(() => {
        if (!isOver()) attempt(Math.min(pauseMs * 2, MAX_PAUSE_MS));
      }, pauseMs).unref();
    });
  };
  attempt(MIN_PAUSE_MS);
}
