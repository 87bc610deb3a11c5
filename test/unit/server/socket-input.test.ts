import { once } from "node:events";
import { type AddressInfo, createServer, Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import { connect, createSecureContext, TLSSocket } from "node:tls";
import { expect } from "chai";
import { SocketInput } from "../../../src/server/socket-input.js";
import { selfSigned } from "../../support/certificates.js";
import { until } from "../../support/child-process.js";

const { certPem: cert, keyPem: key } = selfSigned({ algorithm: "p256", sans: ["127.0.0.1"] });

/** A connection as the listener makes one. */
interface Connected {
  readonly ours: TLSSocket;
  readonly client: TLSSocket;
  /** The server's socket below TLS, and the client's. */
  readonly below: Socket;
  readonly clientBelow: Socket;
  readonly close: () => void;
}

async function connected(): Promise<Connected> {
  const secureContext = createSecureContext({ cert, key });
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const accepted = once(server, "connection");
  const { port } = server.address() as AddressInfo;
  const clientBelow = new Socket().connect(port, "127.0.0.1");
  const client = connect({ socket: clientBelow, rejectUnauthorized: false });
  client.on("error", () => client.destroy());
  const [below] = (await accepted) as [Socket];
  const ours = new TLSSocket(below, { isServer: true, secureContext });
  ours.on("error", () => ours.destroy());
  ours.on("_tlsError", () => ours.destroy());
  await Promise.all([once(ours, "secure"), once(client, "secureConnect")]);
  const close = (): void => {
    client.destroy();
    ours.destroy();
    server.close();
  };
  return { ours, client, below, clientBelow, close };
}

/** The socket as it would look if Node called its inner parts by other names. */
function disguised(socket: TLSSocket): TLSSocket {
  for (const symbol of Object.getOwnPropertySymbols(socket))
    if (symbol.description === "kBuffer") Reflect.set(socket, symbol, undefined);
  return socket;
}

const isCleared = (buffers: Iterable<Buffer>): boolean =>
  [...buffers].every((buffer) => buffer.every((byte) => byte === 0));

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
    expect(isCleared(buffers)).to.equal(true);
    one.close();
    other.close();
  });

  for (const [way, prepare] of [
    ["in shared memory", (socket: TLSSocket) => socket],
    ["where Node's inner names are others", disguised],
  ] as const) {
    describe(way, () => {
      let made: Connected;
      const buffers = new Set<Buffer>();
      beforeEach(async () => {
        made = await connected();
        prepare(made.ours);
        buffers.clear();
      });
      afterEach(() => made.close());

      function read(take: (text: string) => void, socket: Duplex = made.ours): void {
        new SocketInput().read(socket, (bytes, length) => {
          buffers.add(bytes);
          take(bytes.toString("latin1", 0, length));
        });
      }

      it("hands over all bytes in their order", async () => {
        let text = "";
        read((piece) => {
          text += piece;
        });
        let expected = "";
        for (let i = 0; i < 200; i++) {
          const piece = `${i},`.repeat((i * 37) % 300);
          expected += piece;
          made.client.write(piece);
        }
        await until("all bytes", async () => text.length === expected.length);
        expect(text === expected).to.equal(true);
        expect(buffers.size === 1).to.equal(prepare !== disguised);
      });

      it("hands over what came before it was asked", async () => {
        made.client.write("early");
        await until("bytes", async () => made.ours.readableLength === 5 || made.ours.read(0) === undefined);
        const texts: string[] = [];
        read((piece) => texts.push(piece));
        made.client.write(" late");
        await until("all bytes", async () => texts.join("").length === 10);
        expect(texts.join("")).to.equal("early late");
      });

      it("stays paused when what came before has it paused", async () => {
        made.client.write("early");
        await until("bytes", async () => made.ours.readableLength === 5 || made.ours.read(0) === undefined);
        const texts: string[] = [];
        read((piece) => {
          texts.push(piece);
          made.ours.pause();
        });
        await until("the first piece", async () => texts.length === 1);
        expect(made.ours.isPaused()).to.equal(true);
        made.ours.resume();
        made.client.write(" late");
        await until("the rest", async () => texts.join("") === "early late");
      });

      it("pauses: no more comes than was read already", async () => {
        let length = 0;
        read((piece) => {
          length += piece.length;
          made.ours.pause();
        });
        made.client.write(Buffer.alloc(2_000_000));
        await until("bytes", async () => length > 0);
        for (let i = 0; i < 20; i++) await new Promise(setImmediate);
        expect(length).to.be.lessThanOrEqual(64 * 1024);
        made.ours.resume();
        await until("more", async () => {
          made.ours.resume();
          return length > 64 * 1024;
        });
      });

      it("pauses, goes on, and tells of the end", async () => {
        let length = 0;
        let hasEnded = false;
        made.ours.on("end", () => {
          hasEnded = true;
        });
        read((piece) => {
          length += piece.length;
          made.ours.pause();
          setImmediate(() => made.ours.resume());
        });
        made.client.end(Buffer.alloc(300_000));
        await until("the end", async () => hasEnded);
        expect(length).to.equal(300_000);
      });

      it("hands over nothing more of a socket that was destroyed, and leaves nothing of it in memory", async () => {
        const texts: string[] = [];
        read((piece) => {
          texts.push(piece);
          made.ours.destroy();
        });
        // All in one piece for the other side, which reads records one after the other.
        made.clientBelow.cork();
        for (let i = 0; i < 50; i++) made.client.write(`${i} `.repeat(20 * (i + 1)));
        setImmediate(() => made.clientBelow.uncork());
        await once(made.ours, "close");
        expect(texts).to.deep.equal(["0 ".repeat(20)]);
        if (prepare !== disguised) expect(isCleared(buffers)).to.equal(true);
      });

      it("outlives a reset, a broken record, and an end that says nothing", async () => {
        const ends = [
          ({ clientBelow }: Connected) => void clientBelow.resetAndDestroy(),
          ({ clientBelow }: Connected) => void clientBelow.write(Buffer.alloc(100, 0x17)),
          ({ clientBelow }: Connected) => void clientBelow.destroy(),
          ({ below }: Connected) => void below.destroy(),
          ({ client }: Connected) => void client.end(),
        ];
        for (const end of ends) {
          const connection = await connected();
          prepare(connection.ours);
          let text = "";
          read((piece) => {
            text += piece;
          }, connection.ours);
          connection.client.write("some");
          await until("bytes", async () => text === "some");
          end(connection);
          // Not `once`, which would take an error for the end of the test.
          await until("the end", async () => connection.ours.closed);
          connection.close();
        }
      });
    });
  }

  it("clears what was lent to somebody who throws", async () => {
    const { ours, client, close } = await connected();
    const lent: Buffer[] = [];
    new SocketInput().read(ours, (bytes) => {
      lent.push(bytes);
      throw new Error("on purpose");
    });
    const own = Object.getOwnPropertySymbols(ours);
    const lend: unknown = own
      .filter((symbol) => symbol.description === "kBufferCb")
      .map((symbol) => Reflect.get(ours, symbol))[0];
    const bytes: unknown = own
      .filter((symbol) => symbol.description === "kBuffer")
      .map((symbol) => Reflect.get(ours, symbol))[0];
    if (typeof lend !== "function" || !Buffer.isBuffer(bytes)) throw new TypeError("no shared memory");
    bytes.write("secret");
    // Not over the wire: nobody could catch it there but the process.
    expect(() => Reflect.apply(lend, ours, [6])).to.throw("on purpose");
    expect(lent.length).to.equal(1);
    expect(isCleared(lent)).to.equal(true);
    client.destroy();
    close();
  });

  it("ends a connection whose bytes were written over while they were read", async () => {
    const input = new SocketInput();
    const [one, other] = [await connected(), await connected()];
    const texts: string[] = [];
    const symbolOf = (socket: TLSSocket, name: string): unknown => {
      const symbol = Object.getOwnPropertySymbols(socket).find(({ description }) => description === name);
      return symbol === undefined ? undefined : Reflect.get(socket, symbol);
    };
    input.read(other.ours, (bytes, length) => texts.push(`other ${bytes.toString("latin1", 0, length)}`));
    input.read(one.ours, (bytes, length) => {
      const lend = symbolOf(other.ours, "kBufferCb");
      if (typeof lend !== "function") throw new TypeError("no shared memory");
      bytes.write("x");
      Reflect.apply(lend, other.ours, [1]);
      texts.push(`one ${bytes.toString("latin1", 0, length)}`);
    });
    one.client.write("ab");
    await once(one.ours, "close");
    expect(other.ours.destroyed).to.equal(false);
    expect(texts).to.deep.equal(["other x", "one \0b"]);
    one.close();
    other.close();
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
