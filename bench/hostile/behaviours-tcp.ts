/** Connections and handshakes. */
import { once } from "node:events";
import type { Behaviour, Scene } from "./behaviour.js";

/** Again and again until the attack is over. */
function again(one: (scene: Scene) => Promise<void>): NonNullable<Behaviour["play"]> {
  return async (scene) => {
    while (!scene.isOver) {
      await one(scene);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
}

const connectAndDrop = again(async ({ connect }) => void (await connect())?.destroy());

const helloAndDrop = again(async ({ connect, hello }) => {
  const socket = await connect();
  if (socket === undefined) return;
  socket.write(hello);
  await Promise.race([once(socket, "data"), once(socket, "close")]);
  socket.destroy();
});

const handshakeAndDrop = again(async ({ shakeHands }) => void (await shakeHands("h2"))?.destroy());

export const tcpBehaviours: readonly Behaviour[] = [
  { name: "tcp: says nothing", speaks: "tcp", play: async ({ connect }) => void (await connect()) },
  {
    name: "tcp: half a ClientHello",
    speaks: "tcp",
    play: async ({ connect, hello }) => void (await connect())?.write(hello.subarray(0, hello.length / 2)),
  },
  {
    name: "tcp: a ClientHello and no more",
    speaks: "tcp",
    play: async ({ connect, hello }) => void (await connect())?.write(hello),
  },
  {
    name: "tcp: a ClientHello byte by byte",
    speaks: "tcp",
    play: async (scene) => {
      const socket = await scene.connect();
      for (const byte of scene.hello.subarray(0, -1)) {
        if (socket === undefined || socket.destroyed) return;
        socket.write(Buffer.of(byte));
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    },
  },
  {
    name: "tcp: garbage",
    speaks: "tcp",
    play: again(async ({ connect }) => {
      const socket = await connect();
      socket?.write(Buffer.alloc(4096, 0x16));
      if (socket !== undefined && !socket.destroyed) await once(socket, "close");
    }),
  },
  { name: "tcp: connects and drops", speaks: "tcp", play: connectAndDrop },
  { name: "tcp: ClientHello and drop", speaks: "tcp", play: helloAndDrop },
  { name: "tcp: handshake and drop", speaks: "tcp", play: handshakeAndDrop },
  { name: "tcp: connects and drops, few may", speaks: "tcp", play: connectAndDrop, maxConnections: 64 },
  {
    name: "tcp: opens and keeps, few may",
    speaks: "tcp",
    play: again(async ({ connect }) => void (await connect())),
    maxConnections: 64,
  },
];
