/** Where clients are sent: a local server over a real folder, plain, over TLS or behind nginx; a gateway before MinIO. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { BlockList, connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as aws from "@aws-sdk/client-s3";
import type { Context } from "mocha";
import { secureRandom } from "../../../src/crypto/random.js";
import { GatewayObjects } from "../../../src/storage/gateway/gateway-objects.js";
import { DirectoryStore } from "../../../src/storage/store/directory-store.js";
import { certificateAuthority, issuedBy } from "../certificates.js";
import { freePort, RunningProcess } from "../child-process.js";
import { CleanUp } from "../clean-up.js";
import { Minio } from "../minio.js";
import { type S3TestServer, startS3Server } from "../s3-server.js";
import { requireService } from "../services/index.js";
import { kindOf, type SeenObject, seenInStore } from "./seen-object.js";

export type PlaceName = "TLS" | "plain" | "nginx" | "gateway";

export interface Place {
  readonly name: PlaceName;
  /** As clients are told it. */
  readonly url: string;
  /** Of the authority, as a file; undefined without TLS. */
  readonly caFile: string | undefined;
  /** For whatever tests and clients write. */
  readonly folder: string;
  readonly server: S3TestServer;
  /** The object as it rests where it is stored. */
  seen(bucket: string, key: string): Promise<SeenObject | undefined>;
  stop(): Promise<void>;
}

/** Skips the test when a program is missing that the place needs. */
export async function openPlace(context: Context, name: PlaceName): Promise<Place> {
  const cleanUp = new CleanUp();
  try {
    const folder = await mkdtemp(join(tmpdir(), "keswick-s3-clients-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    const started = await start(context, name, folder, cleanUp);
    return { name, folder, ...started, stop: () => cleanUp.run() };
  } catch (error) {
    await cleanUp.run();
    throw error;
  }
}

type Started = Pick<Place, "url" | "caFile" | "server" | "seen">;

async function start(context: Context, name: PlaceName, folder: string, cleanUp: CleanUp): Promise<Started> {
  if (name === "gateway") return startGateway(context, folder, cleanUp);
  const store = await DirectoryStore.open(join(folder, "objects"));
  const trusted = new BlockList();
  trusted.addAddress("127.0.0.1");
  const server = await startS3Server({
    store,
    tls: name === "TLS",
    ...(name === "nginx" ? { trustedProxies: trusted } : {}),
  });
  cleanUp.add(() => server.stop());
  const seen = (bucket: string, key: string) => seenInStore(store, bucket, key);
  if (name !== "nginx") return { url: server.url, caFile: server.caFile, server, seen };
  const program = requireService(context, "nginx");
  return { ...(await startNginx(program, folder, server.port, cleanUp)), server, seen };
}

async function startGateway(context: Context, folder: string, cleanUp: CleanUp): Promise<Started> {
  const tools = { minio: requireService(context, "minio"), mc: requireService(context, "mc") };
  // It has no key service: all encryption is the gateway's.
  const minio = await Minio.start({ folder: join(folder, "minio"), tools, kms: {} });
  cleanUp.add(() => minio.stop());
  const { url: endpoint, user, password } = minio.endpoint;
  const backEnd = { endpoint, credentials: { accessKeyId: user, secretAccessKey: password } };
  const server = await startS3Server({
    tls: true,
    service: ({ keys }) => new GatewayObjects({ backEnd, keys, random: secureRandom, now: Date.now }),
  });
  cleanUp.add(() => server.stop());
  const behind = new aws.S3Client({ ...backEnd, region: "us-east-1", forcePathStyle: true });
  cleanUp.add(async () => behind.destroy());
  return {
    ...{ url: server.url, caFile: server.caFile, server },
    async seen(Bucket, Key) {
      try {
        const found = await behind.send(new aws.GetObjectCommand({ Bucket, Key }));
        const content = Buffer.from((await found.Body?.transformToByteArray()) ?? []);
        return { ...kindOf(found.Metadata ?? {}), size: undefined, content };
      } catch (error) {
        if (error instanceof aws.NoSuchKey) return undefined;
        throw error;
      }
    },
  };
}

const TEMPORARY = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];

/** With the configuration of `deploy/`, in which only addresses and paths are put in place. */
async function startNginx(
  program: string,
  folder: string,
  serverPort: number,
  cleanUp: CleanUp,
): Promise<{ url: string; caFile: string }> {
  const port = await freePort();
  const home = join(folder, "nginx");
  await mkdir(home);
  const authority = certificateAuthority({ algorithm: "p256" });
  const leaf = issuedBy(authority, { algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
  const caFile = join(home, "ca.crt");
  await writeFile(caFile, authority.certPem);
  await writeFile(join(home, "server.crt"), leaf.certPem);
  await writeFile(join(home, "server.key"), leaf.keyPem, { mode: 0o600 });
  const text = await readFile(resolve(import.meta.dirname, "../../../deploy/nginx/s3.conf"), "utf8");
  const placed = text
    .replace("server 127.0.0.1:9000;", `server 127.0.0.1:${serverPort};`)
    .replace("0.0.0.0:443", `127.0.0.1:${port}`)
    .replaceAll(/\/etc\/nginx\/s3(?=\/)|\/var\/log\/nginx(?=\/)/g, home)
    .replace(/^worker_processes auto;$/m, `worker_processes 1;\npid ${home}/nginx.pid;`)
    .replace(
      /^http \{$/m,
      `http {\n${TEMPORARY.map((each) => `${each}_temp_path ${home}/${each};`).join("\n")}`,
    );
  const file = join(home, "nginx.conf");
  await writeFile(file, placed);
  const command = [program, "-p", home, "-c", file, "-g", "daemon off;"] as const;
  const running = await RunningProcess.start(command, () => isListening(port));
  cleanUp.add(() => running.stop());
  return { url: `https://localhost:${port}`, caFile };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((done) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      done(true);
    });
    socket.once("error", () => done(false));
  });
}
