/** Ends a session that nobody uses. */

const IDLE_MS = 15 * 60 * 1000;
const CHECK_MS = 10_000;

/**
 * Calls `end` once nothing was touched for a quarter of an hour, sleep of the machine included.
 * @param {() => void} end
 * @returns {() => void} stops watching
 */
export function whenIdle(end) {
  let touched = Date.now();
  const touch = () => {
    touched = Date.now();
  };
  const check = () => {
    if (Date.now() - touched >= IDLE_MS) end();
  };
  const timer = setInterval(check, CHECK_MS);
  addEventListener("pointerdown", touch);
  addEventListener("keydown", touch);
  document.addEventListener("visibilitychange", check);
  return () => {
    clearInterval(timer);
    removeEventListener("pointerdown", touch);
    removeEventListener("keydown", touch);
    document.removeEventListener("visibilitychange", check);
  };
}
