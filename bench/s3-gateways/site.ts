/** Three gateways before one MinIO, behind HAProxy, with the keys of a key server: each a process of its own. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { selfSigned } from "../../test/support/certificates.js";
import { freePort, RunningProcess } from "../../test/support/child-process.js";
import { CleanUp } from "../../test/support/clean-up.js";
import { startKes } from "../../test/support/kes-server.js";
import { makeKesSite } from "../../test/support/kes-site.js";
import { kesVariables, Minio } from "../../test/support/minio.js";
import { s3Program } from "../../test/support/s3-process.js";
import { kesProgram } from "../../test/support/started-site.js";

export const GATEWAYS = 3;
export const ROOT = { accessKeyId: "gateway-root", secretAccessKey: "gateway-root-secret" };
export const KEY_NAME = "gateways";
const READY_TIMEOUT_MS = 90_000;

/** Paths of the programs used. */
export interface GatewayTools {
  readonly minio: string;
  readonly haproxy: string;
  readonly openssl: string;
}

/** A server that can be killed and started again at the same address. */
export interface Restartable {
  readonly name: string;
  /** By SIGKILL. */
  kill(): Promise<void>;
  /** Resolves when it answers. */
  start(): Promise<void>;
}

export interface GatewaySite {
  /** Of the load balancer. */
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  readonly keyServer: Restartable;
  readonly gateways: readonly Restartable[];
  stop(): Promise<void>;
}

export async function startGatewaySite({ minio, haproxy, openssl }: GatewayTools): Promise<GatewaySite> {
  const cleanUp = new CleanUp();
  try {
    const folder = await mkdtemp(join(tmpdir(), "keswick-gateways-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    const backEndFolder = join(folder, "minio");
    await mkdir(backEndFolder);
    // Nothing of it is driven with mc.
    const tools = { minio, mc: "" };
    const backEnd = await Minio.start({ folder: backEndFolder, tools, kms: {} });
    cleanUp.add(() => backEnd.stop());

    const site = await makeKesSite(openssl);
    cleanUp.add(() => site.remove());
    const keyPort = await freePort();
    const keyServer = restartable("key server", async () => {
      const { process } = await startKes(kesProgram, site, keyPort);
      return process;
    });
    cleanUp.add(() => keyServer.kill());
    await keyServer.start();

    const env = {
      ...kesVariables(`https://127.0.0.1:${keyPort}`, site, KEY_NAME),
      ...{ MINIO_ROOT_USER: ROOT.accessKeyId, MINIO_ROOT_PASSWORD: ROOT.secretAccessKey, NO_COLOR: "1" },
      ...{ AWS_ACCESS_KEY_ID: backEnd.endpoint.user, AWS_SECRET_ACCESS_KEY: backEnd.endpoint.password },
    };
    const ports = await Promise.all(Array.from({ length: GATEWAYS }, () => freePort()));
    const gateways = ports.map((port, i) =>
      restartable(`gateway ${i + 1}`, () => startGateway(port, backEnd.endpoint.url, env)),
    );
    for (const gateway of gateways) {
      cleanUp.add(() => gateway.kill());
      await gateway.start();
    }
    const balancer = await startBalancer(haproxy, folder, ports);
    cleanUp.add(() => balancer.process.stop());
    return { ...balancer, keyServer, gateways, stop: () => cleanUp.run() };
  } catch (error) {
    await cleanUp.run();
    throw error;
  }
}

function restartable(name: string, open: () => Promise<RunningProcess>): Restartable {
  let running: RunningProcess | undefined;
  return {
    name,
    async kill() {
      running?.signal("SIGKILL");
      // Also takes back what was to happen at the end of this process.
      await running?.stop();
      running = undefined;
    },
    async start() {
      running = await open();
    },
  };
}

function startGateway(
  port: number,
  backEnd: string,
  env: Readonly<Record<string, string>>,
): Promise<RunningProcess> {
  const flags = ["--backend", backEnd, "--address", `127.0.0.1:${port}`, "--access-log", "off"];
  return RunningProcess.start(
    [...s3Program, "gateway", ...flags, "--trusted-proxy", "127.0.0.1"],
    async ({ stderr }) => /S3 at https?:\/\//.test(stderr),
    { env, readyTimeoutMs: READY_TIMEOUT_MS },
  );
}

/** HAProxy with `deploy/haproxy/s3.cfg`, in which only addresses and paths are put in place. */
async function startBalancer(
  program: string,
  folder: string,
  gateways: readonly number[],
): Promise<Pick<GatewaySite, "url" | "ca"> & { readonly process: RunningProcess }> {
  const port = await freePort();
  const own = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
  const text = await readFile(resolve(import.meta.dirname, "../../deploy/haproxy/s3.cfg"), "utf8");
  const placed = gateways
    .reduce((all, gateway, i) => all.replaceAll(`10.0.0.2${i + 1}:9000`, `127.0.0.1:${gateway}`), text)
    .replaceAll("0.0.0.0:443", `127.0.0.1:${port}`)
    .replaceAll("/etc/haproxy/", `${folder}/`);
  await writeFile(join(folder, "s3.pem"), own.certPem + own.keyPem, { mode: 0o600 });
  const file = join(folder, "s3.cfg");
  await writeFile(file, placed);
  const process = await RunningProcess.start([program, "-db", "-f", file], () => isListening(port));
  return { url: `https://127.0.0.1:${port}`, ca: own.certPem, process };
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
