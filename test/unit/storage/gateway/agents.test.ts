import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { expect } from "chai";
import { GuardedHttpAgent, GuardedHttpsAgent } from "../../../../src/storage/gateway/agents.js";

describe("agents of the gateway", () => {
  let server: Server;
  let accepted: Socket[];

  beforeEach(async () => {
    accepted = [];
    server = createServer((socket) => {
      accepted.push(socket.on("error", () => undefined));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
  });
  afterEach(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });

  for (const [name, agent] of [
    ["HTTP", new GuardedHttpAgent()],
    ["HTTPS", new GuardedHttpsAgent()],
  ] as const) {
    it(`${name}: a connection that breaks while no request has it harms nobody`, async () => {
      const address = server.address();
      if (address === null || typeof address === "string") throw new Error("no port");
      const socket = agent.createConnection({ host: "127.0.0.1", port: address.port });
      if (!(socket instanceof Duplex)) throw new Error("no connection");
      if (accepted.length === 0) await once(server, "connection");
      const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
      // Nobody but the agent listens for errors: unheard, this one would end the process.
      accepted[0]?.resetAndDestroy();
      await closed;
      expect(socket.errored).to.be.instanceOf(Error);
    });
  }
});
