import { expect } from "chai";
import { until } from "../support/child-process.js";
import { connectTls } from "../support/raw-http1.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

describe("e2e: requests that come one behind the other", function () {
  this.timeout(30_000);
  let server: TestServer;

  before(async () => {
    // Node's engine serves them side by side, and sends their answers in order.
    const own = { workers: 1, watch: "off", http: "keswick", graceMs: 1_000, proxyProtocol: [] } as const;
    server = await startTestServer({ config: { server: own } });
  });
  after(() => server?.close());

  it("are answered and recorded in their order, those that wait for the keystore and those that do not", async () => {
    const socket = await connectTls(server.port, server.admin, { ALPNProtocols: ["http/1.1"] });
    const paths: string[] = [];
    let bytes = "";
    for (let i = 0; i < 20; i++) {
      // Asks the keystore; answered at once.
      for (const [method, path] of [
        ["PUT", `/v1/key/create/key-${i}`],
        ["GET", "/version"],
        ["GET", "/v1/api"],
      ] as const) {
        bytes += `${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`;
        paths.push(path);
      }
    }
    let text = "";
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
    });
    socket.write(bytes);
    const count = (): number => text.split("HTTP/1.1 200 ").length - 1;
    await until("all answers", async () => count() === paths.length);
    const recorded = (): string[] =>
      [...server.stdout().matchAll(/req\.path=(\S+)/g)].map((match) => match[1] ?? "");
    await until("all records", async () => recorded().length >= paths.length);
    socket.destroy();
    expect(recorded()).to.deep.equal(paths);
  });
});
