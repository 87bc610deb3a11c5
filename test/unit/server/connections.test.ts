import { PassThrough } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { type Connection, Connections } from "../../../src/server/connections.js";
import { until } from "../../support/child-process.js";

class Socket extends PassThrough {
  destroySoon(): void {
    this.destroy();
  }
}

/** A session that ends its socket when it is closed, unless its client does not take its answers. */
class Session {
  closed = 0;
  destroyed = 0;
  readonly #socket: Socket;
  readonly #isStuck: boolean;

  constructor(socket: Socket, isStuck: boolean) {
    this.#socket = socket;
    this.#isStuck = isStuck;
  }

  close(): void {
    this.closed += 1;
    if (!this.#isStuck) this.#socket.destroy();
  }

  destroy(): void {
    this.destroyed += 1;
  }
}

const IDLE_MS = 200;
const PATIENCE_MS = 10_000;

function joined(
  connections: Connections,
  isStuck = false,
): { connection: Connection; session: Session; socket: Socket } {
  const socket = new Socket();
  connections.add(socket);
  const connection = connections.establish(socket, { ip: "127.0.0.1" });
  const session = new Session(socket, isStuck);
  connection.join(session, IDLE_MS);
  return { connection, session, socket };
}

const gone = (connections: Connections): Promise<unknown> =>
  until("no connection", async () => connections.size === 0, PATIENCE_MS);

describe("connections", () => {
  it("are closed when they have been idle for long enough, and not before", async () => {
    const connections = new Connections();
    const startedMs = performance.now();
    const { session } = joined(connections);
    await gone(connections);
    expect(performance.now() - startedMs).to.be.at.least(IDLE_MS);
    expect(session).to.include({ closed: 1, destroyed: 0 });
  });

  it("live on while a request waits for its answer, and for the whole time after one", async () => {
    const connections = new Connections();
    const { connection, session } = joined(connections);
    connection.begin();
    await delay(3 * IDLE_MS);
    expect(session.closed).to.equal(0);
    connection.end();
    const other = joined(connections);
    const startedMs = performance.now();
    other.connection.begin();
    other.connection.end();
    await gone(connections);
    expect(performance.now() - startedMs).to.be.at.least(IDLE_MS);
    expect(session.closed + other.session.closed).to.equal(2);
  });

  it("are watched again after there were none for a while", async () => {
    const connections = new Connections();
    joined(connections);
    await gone(connections);
    await delay(2 * IDLE_MS);
    const startedMs = performance.now();
    joined(connections);
    await gone(connections);
    // Not at once: the clock that stood still must not count for it.
    expect(performance.now() - startedMs).to.be.at.least(IDLE_MS);
  });

  it("are cut, and closed but once, when the client does not take what ends them", async () => {
    const connections = new Connections();
    const { session, socket } = joined(connections, true);
    await until("destroyed", async () => session.destroyed > 0, PATIENCE_MS);
    await delay(2 * IDLE_MS);
    expect(session).to.include({ closed: 1, destroyed: 1 });
    expect(socket.destroyed).to.equal(true);
    await gone(connections);
  });

  it("are not cut while a request that crossed the goodbye waits for its answer, nor just behind that", async () => {
    const connections = new Connections();
    const { connection, session } = joined(connections, true);
    await until("closed", async () => session.closed > 0, PATIENCE_MS);
    connection.begin();
    const cutMs = 1_000;
    await delay(1.3 * cutMs);
    expect(session.destroyed).to.equal(0);
    connection.end();
    const answeredMs = performance.now();
    await until("destroyed", async () => session.destroyed > 0, PATIENCE_MS);
    expect(performance.now() - answeredMs).to.be.at.least(cutMs);
    await gone(connections);
  });

  it("does not close those whose engine sees to that itself", async () => {
    const connections = new Connections();
    const quiet = new Socket();
    connections.establish(quiet, { ip: "127.0.0.1" });
    joined(connections);
    await until("one left", async () => connections.size === 1, PATIENCE_MS);
    await delay(2 * IDLE_MS);
    expect(quiet.destroyed).to.equal(false);
    quiet.destroy();
    await gone(connections);
  });

  it("counts a handshake until it ends, and leaves nothing of it on the socket", async () => {
    const connections = new Connections();
    const failed = new Socket();
    connections.add(failed);
    const before = failed.listenerCount("close");
    const done = new Socket();
    connections.add(done);
    connections.establish(done, { ip: "127.0.0.1" });
    expect(done.listenerCount("close")).to.equal(before);
    expect(connections.size).to.equal(2);
    failed.destroy();
    await until("one left", async () => connections.size === 1, PATIENCE_MS);
    done.destroy();
    await gone(connections);
  });

  it("gives up handshakes in which nothing was said before those that go on, however old these are", () => {
    const connections = new Connections();
    const shake = (bytesRead: number): Socket => {
      const socket = new Socket();
      connections.add(socket, { bytesRead });
      return socket;
    };
    const speaking = shake(100);
    const silent = [shake(0), shake(0)];
    const alsoSpeaking = shake(300);
    for (const socket of silent) {
      expect(connections.giveUpOne()).to.equal(true);
      expect(socket.destroyed).to.equal(true);
    }
    expect([speaking.destroyed, alsoSpeaking.destroyed]).to.deep.equal([false, false]);
    // The oldest, when all of them go on.
    connections.giveUpOne();
    expect([speaking.destroyed, alsoSpeaking.destroyed]).to.deep.equal([true, false]);
    connections.destroy();
  });
});
