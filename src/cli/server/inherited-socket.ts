/** Socket activation as systemd does it (sd_listen_fds(3)): the service manager opens the socket and keeps it. */
import type { Environment } from "../../config/env.js";
import { UsageError } from "../../errors.js";

/** The first descriptor that is passed on. */
const FIRST = 3;

/**
 * The descriptor of the socket that this process has inherited; undefined when it has none.
 * @throws UsageError for more than one, since it would not be known which is which
 */
export function inheritedSocket({ LISTEN_PID, LISTEN_FDS }: Environment, pid: number): number | undefined {
  // Meant for another process: these variables are inherited by whatever a service starts.
  if (LISTEN_PID !== String(pid) || LISTEN_FDS === undefined) return undefined;
  const count = /^\d{1,4}$/.test(LISTEN_FDS) ? Number(LISTEN_FDS) : 0;
  if (count === 0) return undefined;
  if (count > 1) throw new UsageError(`${count} sockets were passed on (LISTEN_FDS), where one can be used`);
  return FIRST;
}
