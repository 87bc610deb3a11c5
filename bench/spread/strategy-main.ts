/** One strategy: primary, workers and clients. Prints the connections of each worker, in each round, as JSON. */
import { type ChildProcess, fork, type StdioOptions } from "node:child_process";
import cluster, { type Worker } from "node:cluster";
import { connect, createServer, type Server, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { leastLoaded } from "../../src/server/workers/spread.js";

/** As long as a handshake keeps a worker busy. */
const BUSY_MS = 1.5;
/** Descriptors that the sockets of `reuse` are passed on as. */
const FIRST_FD = 100;

const [strategy = "least", workers = "2", connections = "8", rounds = "5"] = process.argv.slice(2);
const isWorker = process.env.SPREAD_WORKER !== undefined || cluster.isWorker;
if (isWorker) work();
else await measure();

function work(): void {
  let count = 0;
  const take = (socket: Socket): void => {
    count += 1;
    const endMs = performance.now() + BUSY_MS;
    while (performance.now() < endMs);
    socket.on("error", () => undefined);
    socket.write("x");
  };
  const ready = (): unknown => process.send?.("ready");
  process.on("message", (message, handle) => {
    if (message === "count") {
      process.send?.(count);
      count = 0;
    } else if (message === "connection") take(handle as Socket);
    else if (message === "server") (handle as Server).on("connection", take);
  });
  const fd = process.env.SPREAD_FD;
  if (fd !== undefined) createServer(take).listen({ fd: Number(fd) }, ready);
  else if (cluster.isWorker) createServer(take).listen(Number(process.env.PORT), "127.0.0.1", ready);
  else ready();
}

async function measure(): Promise<void> {
  const port = process.env.PORT === undefined ? await freePort() : Number(process.env.PORT);
  process.env.PORT = String(port);
  const all = Array.from({ length: Number(workers) }, (_, i) => start(i));
  await Promise.all(all.map((one) => new Promise((resolve) => one.once("message", resolve))));
  if (strategy === "least") {
    const crew = all.map((one) => ({ one, open: 0, responds: true }));
    let last: (typeof crew)[number] | undefined;
    const server = createServer({ pauseOnConnect: true }, (socket) => {
      last = leastLoaded(crew, last);
      if (last === undefined) return;
      last.open += 1;
      last.one.send("connection", socket);
    });
    await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  }
  const found: number[][] = [];
  for (let round = 0; round < Number(rounds); round++) {
    const open = await Promise.all(Array.from({ length: Number(connections) }, () => opened(port)));
    found.push(await Promise.all(all.map(counted)));
    for (const socket of open) socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
  process.stdout.write(JSON.stringify(found));
  for (const one of all) ("process" in one ? one.process : one).kill("SIGKILL");
  process.exit(0);
}

function start(index: number): ChildProcess | Worker {
  if (strategy === "turns" || strategy === "shared") {
    cluster.schedulingPolicy = strategy === "turns" ? cluster.SCHED_RR : cluster.SCHED_NONE;
    return cluster.fork();
  }
  const reuse = strategy === "reuse";
  const stdio: StdioOptions = ["ignore", "ignore", "inherit", "ipc", ...(reuse ? [FIRST_FD + index] : [])];
  const env = { ...process.env, SPREAD_WORKER: "1", ...(reuse ? { SPREAD_FD: "4" } : {}) };
  return fork(fileURLToPath(import.meta.url), [], { env, stdio });
}

function counted(one: ChildProcess | Worker): Promise<number> {
  return new Promise((resolve) => {
    one.once("message", (count: number) => resolve(count));
    one.send("count");
  });
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", reject);
    socket.once("data", () => resolve(socket));
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}
