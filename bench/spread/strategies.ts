/**
 * Ways to spread connections over processes, measured side by side: `strategy-main.ts` runs each in processes of its
 * own, with workers that are busy for a while with each connection as a TLS handshake keeps them.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

export const STRATEGIES = {
  least: "fewest connections (ours)",
  turns: "by turns (cluster, SCHED_RR)",
  shared: "one shared socket (SCHED_NONE)",
  reuse: "SO_REUSEPORT, a socket each",
} as const;
export type Strategy = keyof typeof STRATEGIES;

/** What `strategy-main.ts` prints: connections of each worker, in each round. */
export type Rounds = readonly (readonly number[])[];

const MAIN = fileURLToPath(new URL("strategy-main.ts", import.meta.url));
/** Node 20 cannot set the option, so that a few lines of Python make the sockets and become Node. */
const REUSE = `
import os, socket, sys
workers = int(sys.argv[1])
opened = []
port = 0
for i in range(workers):
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    s.bind(("127.0.0.1", port))
    port = s.getsockname()[1]
    s.listen(1024)
    os.dup2(s.fileno(), 100 + i)
    s.detach()
os.environ["PORT"] = str(port)
for i in range(workers):
    os.set_inheritable(100 + i, True)
os.execvp(sys.argv[2], sys.argv[2:])
`;

/** @returns undefined where the strategy is not to be had */
export async function measureStrategy(
  strategy: Strategy,
  workers: number,
  connections: number,
  rounds: number,
): Promise<Rounds | undefined> {
  const node = [
    process.execPath,
    "--import",
    "tsx",
    MAIN,
    strategy,
    String(workers),
    String(connections),
    String(rounds),
  ];
  const [program = "", ...words] =
    strategy === "reuse" ? ["python3", "-c", REUSE, String(workers), ...node] : node;
  const child = spawn(program, words, { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (data: string) => {
    text += data;
  });
  const [code] = await Promise.race([once(child, "close"), once(child, "error").then(() => [1])]);
  return code === 0 ? (JSON.parse(text) as Rounds) : undefined;
}
