/**
 * `npm run smoke`: packs the package, installs the tarball into an empty folder, runs a server from it, and programs
 * that use its client, as somebody would who never saw this repository.
 */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { checkClient, checkPackaging } from "./packed-client.js";

const root = resolve(import.meta.dirname, "../..");
const folder = mkdtempSync(join(tmpdir(), "keswick-smoke-"));

function npm(args: readonly string[], cwd: string): void {
  execFileSync("npm", args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
}

/** The console's scripts are read when they are asked for: no start fails without them. */
function checkConsole(dist: string): void {
  for (const name of readdirSync(join(root, "src/storage/console/page"))) {
    if (name.endsWith(".js")) readFileSync(join(dist, "src/storage/console/page", name));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  const address = server.address();
  await new Promise((done) => server.close(done));
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

function get(port: number, path: string, dir: string): Promise<string> {
  return new Promise((done, fail) => {
    const file = (name: string): Buffer => readFileSync(join(dir, name));
    const options = { port, path, ca: file("server.crt"), cert: file("admin.crt"), key: file("admin.key") };
    request({ host: "127.0.0.1", ...options }, (response) => {
      let body = "";
      response.on("data", (chunk) => (body += chunk));
      response.on("end", () => done(`${response.statusCode} ${body.trim()}`));
    })
      .on("error", fail)
      .end();
  });
}

try {
  npm(["pack", "--silent", "--pack-destination", folder], root);
  const tarball = readdirSync(folder).find((name) => name.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack made no tarball");
  await checkPackaging(join(folder, tarball));
  const home = mkdtempSync(join(folder, "home-"));
  writeFileSync(join(home, "package.json"), '{"private":true}');
  npm(["install", "--silent", "--omit=dev", join(folder, tarball)], home);
  checkConsole(join(home, "node_modules/keswick/dist"));
  const kes = join(home, "node_modules", ".bin", "kes");
  process.stdout.write(execFileSync(kes, ["--version"], { encoding: "utf8" }));
  execFileSync(kes, ["init", "site"], { cwd: home, stdio: "ignore" });
  const port = await freePort();
  const config = join(home, "site", "kes-config.yml");
  const server = spawn(kes, ["server", "--config", config, "--addr", `127.0.0.1:${port}`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await new Promise<void>((done, fail) => {
      let out = "";
      server.stdout.on("data", (chunk) => {
        out += chunk;
        if (out.includes("up and running")) done();
      });
      server.once("exit", (code) => fail(new Error(`the installed server ended with ${code}: ${out}`)));
    });
    const answer = await get(port, "/version", join(home, "site"));
    process.stdout.write(`${answer}\n`);
    if (!answer.startsWith("200 ")) throw new Error(`unexpected answer: ${answer}`);
    checkClient(home, join(home, "site"), `https://127.0.0.1:${port}`);
  } finally {
    server.kill("SIGTERM");
    await new Promise((done) => (server.exitCode === null ? server.once("exit", done) : done(undefined)));
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
