import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { PassThrough } from "node:stream";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { expect } from "chai";
import { SocketInput } from "../../../src/server/socket-input.js";
import { selfSigned } from "../../support/certificates.js";
import { until } from "../../support/child-process.js";

const { certPem: cert, keyPem: key } = selfSigned({ algorithm: "p256", sans: ["127.0.0.1"] });

/** A connection as the listener makes one. */
async function connected(): Promise<{ ours: TLSSocket; client: TLSSocket; close: () => void }> {
  const secureContext = createSecureContext({ cert, key });
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const { port } = server.address() as AddressInfo;
  const client = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  client.on("error", () => client.destroy());
  const [raw] = (await accepted) as [Socket];
  const ours = new TLSSocket(raw, { isServer: true, secureContext });
  ours.on("error", () => ours.destroy());
  await Promise.all([once(ours, "secure"), once(client, "secureConnect")]);
  const close = (): void => {
    client.destroy();
    ours.destroy();
    server.close();
  };
  return { ours, client, close };
}

describe("server/socket-input", () => {
  it("lends what comes over TLS in one buffer for all sockets, and clears it", async () => {
    const input = new SocketInput();
    const [one, other] = [await connected(), await connected()];
    const buffers = new Set<Buffer>();
    const texts = ["", ""];
    for (const [i, { ours }] of [one, other].entries()) {
      input.read(ours, (bytes, length) => {
        buffers.add(bytes);
        texts[i] += bytes.toString("latin1", 0, length);
      });
    }
    const long = "x".repeat(100_000);
    one.client.write("first ");
    other.client.write("second ");
    one.client.write(long);
    other.client.write("end");
    await until("all bytes", async () => texts[0]?.length === long.length + 6 && texts[1]?.length === 10);
    expect(texts).to.deep.equal([`first ${long}`, "second end"]);
    // Were it more than one, Node would have changed its inner names, and we would not have noticed.
    expect(buffers.size).to.equal(1);
    for (const buffer of buffers) expect(buffer.every((byte) => byte === 0)).to.equal(true);
    one.close();
    other.close();
  });

  it("pauses, goes on, and tells of the end", async () => {
    const { ours, client, close } = await connected();
    let read = 0;
    let hasEnded = false;
    ours.on("end", () => {
      hasEnded = true;
    });
    new SocketInput().read(ours, (_, length) => {
      read += length;
      ours.pause();
      setImmediate(() => ours.resume());
    });
    client.end(Buffer.alloc(300_000));
    await until("the end", async () => hasEnded);
    expect(read).to.equal(300_000);
    close();
  });

  it("takes the chunks of any other stream", () => {
    const stream = new PassThrough();
    const texts: string[] = [];
    new SocketInput().read(stream, (bytes, length) => texts.push(bytes.toString("latin1", 0, length)));
    stream.write("a");
    stream.write("bc");
    stream.resume();
    expect(stream.read()).to.equal(null);
    expect(texts.join("")).to.equal("abc");
  });
});
