/** The programs of docs/sdk.md are run as a user runs them: from a folder that has the package installed. */

import { randomBytes } from "node:crypto";
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { expect } from "chai";
import { ApiKey, KesClient } from "../../src/client/index.js";
import { freePort, RunningProcess, type RunResult, run } from "../support/child-process.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const root = resolve(import.meta.dirname, "../..");
const appKey = ApiKey.generate(randomBytes);

describe("the examples of the SDK", () => {
  let server: TestServer;
  let folder: string;
  let env: Record<string, string>;

  before(async () => {
    const policies = {
      app: { allow: ["/v1/key/*", "/v1/status", "/v1/log/audit"], identities: [appKey.identity] },
    };
    server = await startTestServer({ policies });
    folder = await mkdtemp(join(tmpdir(), "keswick-examples-"));
    await cp(join(root, "docs/examples"), folder, { recursive: true });
    const installed = join(folder, "node_modules/keswick");
    await mkdir(installed, { recursive: true });
    await writeFile(
      join(installed, "package.json"),
      JSON.stringify({ name: "keswick", type: "module", exports: { "./client": "./client.js" } }),
    );
    const door = pathToFileURL(join(root, "src/client/index.ts")).href;
    await writeFile(join(installed, "client.js"), `export * from ${JSON.stringify(door)};\n`);
    await writeFile(join(folder, "ca.crt"), server.ca.certPem);
    env = {
      MINIO_KMS_KES_ENDPOINT: server.url,
      MINIO_KMS_KES_API_KEY: appKey.toString(),
      MINIO_KMS_KES_CAPATH: join(folder, "ca.crt"),
    };
  });
  after(async () => {
    await server.close();
    await rm(folder, { recursive: true, force: true });
  });

  const command = (name: string, args: readonly string[]): [string, ...string[]] => [
    process.execPath,
    ...["--import", import.meta.resolve("tsx"), `${name}.mjs`],
    ...args,
  ];
  const example = (name: string, ...args: string[]): Promise<RunResult> =>
    run(command(name, args), { cwd: folder, env });
  const ok = async (name: string, ...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await example(name, ...args);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: "" });
    return stdout;
  };

  it("ensure-key.mjs creates a key once", async () => {
    expect(await ok("ensure-key", "once")).to.equal("created\n");
    expect(await ok("ensure-key", "once")).to.equal("was there\n");
    expect((await example("ensure-key", "not.valid")).stderr).to.include("KEY_NAME_INVALID");
  });

  it("encrypt-file.mjs and rotate-dek.mjs keep a file through every rotation", async () => {
    await ok("ensure-key", "files");
    await ok("ensure-key", "files-2");
    const content = randomBytes(100_000);
    await writeFile(join(folder, "plain"), content);
    const opened = async (key: string): Promise<boolean> => {
      await ok("encrypt-file", "decrypt", key, "report", "sealed", "opened");
      return (await readFile(join(folder, "opened"))).equals(content);
    };
    const sealed = (): Promise<Buffer> => readFile(join(folder, "sealed"));

    await ok("encrypt-file", "encrypt", "files", "report", "plain", "sealed");
    const first = await sealed();
    expect(first.includes(content.subarray(0, 32))).to.equal(false);
    expect(await opened("files")).to.equal(true);

    await ok("rotate-dek", "files", "report", "sealed");
    const second = await sealed();
    expect(second.subarray(-1000).equals(first.subarray(-1000))).to.equal(false);
    expect(await opened("files")).to.equal(true);

    await ok("rotate-dek", "files", "report", "sealed", "files-2");
    const third = await sealed();
    expect(third.subarray(-1000).equals(second.subarray(-1000))).to.equal(true);
    expect(await opened("files-2")).to.equal(true);
    const wrongKey = await example("encrypt-file", "decrypt", "files", "report", "sealed", "nowhere");
    expect(wrongKey.stderr).to.include("DECRYPT_FAILED");
    const wrongId = await example("encrypt-file", "decrypt", "files-2", "other", "sealed", "nowhere");
    expect(wrongId.stderr).to.include("DECRYPT_FAILED");

    third[third.length - 1] = (third.at(-1) ?? 0) ^ 1;
    await writeFile(join(folder, "sealed"), third);
    expect(
      (await example("encrypt-file", "decrypt", "files-2", "report", "sealed", "nowhere")).code,
    ).to.equal(1);
  }).timeout(60_000);

  it("list-keys.mjs lists keys by prefix", async () => {
    await ok("ensure-key", "list-b");
    await ok("ensure-key", "list-a");
    const lines = (await ok("list-keys", "list-")).trimEnd().split("\n");
    expect(lines.map((line) => line.split(" "))).to.deep.equal(
      lines.map((line, i) => [`list-${"ab"[i]}`, "AES256", line.split(" ")[2], appKey.identity]),
    );
    expect(lines.length).to.equal(2);
  });

  it("follow-audit-log.mjs shows refused requests until it is stopped", async () => {
    const nobody = new KesClient({
      endpoints: server.url,
      ca: server.ca.certPem,
      apiKey: ApiKey.generate(randomBytes),
    });
    const following = await RunningProcess.start(
      command("follow-audit-log", []),
      async ({ output }) => {
        if (output.includes("following")) await nobody.status().catch(() => undefined);
        return output.includes("/v1/status");
      },
      { cwd: folder, env },
    );
    try {
      expect(following.output).to.match(new RegExp(`^\\S+ ${nobody.identity} /v1/status$`, "m"));
    } finally {
      expect(await following.stop()).to.equal(0);
      await nobody.close();
    }
  });

  it("several-endpoints.mjs works while one of two is down", async () => {
    await ok("ensure-key", "main");
    const down = `https://127.0.0.1:${await freePort()}`;
    const lines = (await ok("several-endpoints", "main", down, server.url)).trimEnd().split("\n");
    expect(lines).to.deep.equal([
      "data key of 76 bytes",
      `${down} down ENDPOINT_UNREACHABLE`,
      `${server.url} up 0.0.0-test fast`,
    ]);
  });
});
