/** `kes-s3` as its operators run it: start, mistakes, files that change, an orderly end; rotate, verify, stat. */
import { randomBytes } from "node:crypto";
import { mkdtemp, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { ApiKey, KesClient } from "../../src/client/index.js";
import { certificateAuthority, issuedBy } from "../support/certificates.js";
import { RunningProcess, until } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { type S3Ask, type S3Endpoint, type S3Reply, s3Ask } from "../support/s3-client.js";
import {
  PROCESS_ROOT,
  processEnvironment,
  runS3,
  type S3ProcessOptions,
  s3Program,
  startS3Process,
} from "../support/s3-process.js";
import { startTestServer } from "../support/test-server.js";

describe("kes-s3", function () {
  this.timeout(300_000);
  const cleanUp = new CleanUp();
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-s3-commands-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  });

  after(() => cleanUp.run());

  const started = async (options: S3ProcessOptions = {}) => {
    const server = await startS3Process(options);
    cleanUp.add(async () => void (await server.stop()));
    return server;
  };
  const ask = (server: S3Endpoint, method: string, target: string, more?: S3Ask): Promise<S3Reply> =>
    s3Ask(server, PROCESS_ROOT, method, target, more);

  describe("server", () => {
    it("keeps what it has acknowledged, ends in order, and tells no secret", async () => {
      const dir = join(folder, "kept");
      const first = await started({ dir });
      expect((await ask(first, "PUT", "/bucket")).status).to.equal(200);
      const kms = { "x-amz-server-side-encryption": "aws:kms" };
      expect((await ask(first, "PUT", "/bucket/k", { body: "hello", headers: kms })).status).to.equal(200);
      expect(await first.stop()).to.equal(0);
      expect(first.process.stderr).to.match(/stopped\n$/);
      const second = await started({ dir });
      const got = await ask(second, "GET", "/bucket/k");
      expect([got.text, got.headers["x-amz-server-side-encryption-aws-kms-key-id"]]).to.deep.equal([
        "hello",
        "my-key",
      ]);
      await until("the access log", async () => second.process.stdout.endsWith("\n"));
      const line = JSON.parse(second.process.stdout.trim().split("\n").at(-1) ?? "");
      expect([line.operation, line.bucket, line.key, line.status, line.accessKey]).to.deep.equal([
        "GetObject",
        "bucket",
        "k",
        200,
        PROCESS_ROOT.user,
      ]);
      const other = await runS3(["server", dir, "--address", "127.0.0.1:0"]);
      expect([other.code, other.stderr]).to.satisfy(
        ([code, text]: [number, string]) => code === 1 && text.includes("is in use by another process"),
      );
      expect(await second.stop()).to.equal(0);
      for (const { process: running } of [first, second]) {
        expect(running.output).not.to.contain(PROCESS_ROOT.password);
        expect(running.output).not.to.contain(processEnvironment.MINIO_KMS_SECRET_KEY?.split(":")[1]);
      }
    });

    for (const [what, args, env, told] of [
      ["without root", [], {}, "MINIO_ROOT_USER: is missing"],
      [
        "with a password that everybody knows",
        [],
        { MINIO_ROOT_USER: "minioadmin", MINIO_ROOT_PASSWORD: "minioadmin" },
        "MINIO_ROOT_PASSWORD: must not be one that everybody knows",
      ],
      [
        "with two key services",
        [],
        { ...processEnvironment, MINIO_KMS_KES_ENDPOINT: "https://127.0.0.1:1" },
        "another kind of key service",
      ],
      [
        "with faults of all kinds at once",
        [],
        { MINIO_ROOT_USER: "admin", MINIO_ROOT_PASSWORD: "short", MINIO_KMS_SECRET_KEY: "x" },
        "MINIO_KMS_SECRET_KEY: is not of the form",
      ],
      [
        "with a certificate alone",
        ["--cert", "x.crt"],
        processEnvironment,
        "--cert and --key belong together",
      ],
      [
        "with a key file that is not there",
        ["--cert", "none.crt", "--key", "none.key"],
        processEnvironment,
        "none.key",
      ],
      [
        "with access keys that are not there",
        ["--access-keys", "none.yml"],
        processEnvironment,
        "none.yml: no such file",
      ],
      [
        "with a proxy that is no address",
        ["--trusted-proxy", "example.net"],
        processEnvironment,
        "'example.net' is no address",
      ],
      ["at an address that is none", ["--address", "here"], processEnvironment, "'here' is not an address"],
      [
        "with a log that cannot be written",
        ["--access-log", "/none/log"],
        processEnvironment,
        "/none/log: cannot be opened",
      ],
      [
        "without its key server",
        [],
        {
          MINIO_ROOT_USER: "admin",
          MINIO_ROOT_PASSWORD: "admin-secret",
          MINIO_KMS_KES_ENDPOINT: "https://127.0.0.1:1",
          MINIO_KMS_KES_KEY_NAME: "k",
          MINIO_KMS_KES_API_KEY: ApiKey.generate(randomBytes).toString(),
        },
        "the default key 'k' cannot be used",
      ],
    ] as readonly (readonly [string, readonly string[], Record<string, string>, string])[]) {
      it(`does not start ${what}, and says why`, async () => {
        const { code, stdout, stderr } = await runS3(
          ["server", join(folder, "none"), "--address", "127.0.0.1:0", ...args],
          env,
        );
        expect(code, stderr).to.equal(1);
        expect(stdout).to.equal("");
        expect(stderr).to.match(/^Error: /m);
        expect(stderr).to.contain(told);
        expect(stderr).not.to.match(/\n {4}at /);
      });
    }

    it("reads certificate and access keys again when they change, and the log when it is moved", async () => {
      const authority = certificateAuthority({ algorithm: "p256" });
      const certificate = async (): Promise<string> => {
        const leaf = issuedBy(authority, { algorithm: "p256", sans: ["localhost"] });
        await replace(join(folder, "tls.key"), leaf.keyPem);
        await replace(join(folder, "tls.crt"), leaf.certPem);
        return leaf.certPem;
      };
      await certificate();
      const keyFile = join(folder, "keys.yml");
      await writeFile(keyFile, "keys: []\n");
      const log = join(folder, "access.log");
      const server = await started({
        args: [
          "--cert",
          join(folder, "tls.crt"),
          "--key",
          join(folder, "tls.key"),
          "--access-keys",
          keyFile,
          "--access-log",
          log,
        ],
      });
      const endpoint = { ...server, ca: authority.certPem };
      expect((await ask(endpoint, "PUT", "/bucket")).status).to.equal(200);

      await replace(keyFile, "keys:\n- access-key: later\n  secret-key: later-secret\n  access: read-only\n");
      const later = { user: "later", password: "later-secret" };
      await until(
        "the access key",
        async () => (await ask(endpoint, "HEAD", "/bucket", { login: later })).status === 200,
        30_000,
      );
      expect((await ask(endpoint, "DELETE", "/bucket", { login: later })).status).to.equal(403);

      await replace(keyFile, "keys: what\n");
      await until(
        "the fault",
        async () => /access keys: stay as they were: .*keys\.yml:1:7/.test(server.process.stderr),
        30_000,
      );
      expect((await ask(endpoint, "HEAD", "/bucket", { login: later })).status).to.equal(200);

      await certificate();
      await until(
        "the certificate",
        async () => server.process.stderr.includes("certificate: read again"),
        30_000,
      );
      expect((await ask(endpoint, "HEAD", "/bucket")).status).to.equal(200);

      await rename(log, `${log}.1`);
      server.process.signal("SIGHUP");
      await until("the new log", async () => {
        await ask(endpoint, "HEAD", "/bucket");
        return (await readFile(log, "utf8").catch(() => "")).includes("HeadBucket");
      });
      expect((await stat(log)).mode & 0o007).to.equal(0);
      expect(server.process.stdout).to.equal("");
      expect(await server.stop()).to.equal(0);
    });
  });

  describe("uploads that nobody goes on with", () => {
    it("are removed after their time, told of and counted", async () => {
      const server = await started({
        env: {
          ...processEnvironment,
          MINIO_PROMETHEUS_AUTH_TYPE: "public",
          MINIO_API_STALE_UPLOADS_EXPIRY: "2s",
          MINIO_API_STALE_UPLOADS_CLEANUP_INTERVAL: "1s",
        },
      });
      await ask(server, "PUT", "/bucket");
      const uploadId = async (): Promise<string> =>
        /<UploadId>([^<]*)/.exec((await ask(server, "POST", "/bucket/k?uploads")).text)?.[1] ?? "";
      const id = await uploadId();
      const part = `/bucket/k?partNumber=1&uploadId=${id}`;
      expect((await ask(server, "PUT", part, { body: "part" })).status).to.equal(200);
      await until("the upload to be removed", async () =>
        server.process.stderr.includes("1 upload in parts was removed: nobody had gone on for 2 s"),
      );
      expect((await ask(server, "PUT", part, { body: "part" })).code).to.equal("NoSuchUpload");
      const metrics = await fetch(`http://127.0.0.1:${server.port}/_keswick/metrics`);
      expect(await metrics.text()).to.match(/^keswick_s3_stale_uploads_removed_total 1$/m);
      expect(await server.stop()).to.equal(0);
    });
  });

  describe("verify and stat", () => {
    it("find what was damaged, at its place, and tell how objects are stored", async () => {
      const dir = join(folder, "damaged");
      const server = await started({ dir });
      await ask(server, "PUT", "/bucket");
      const body = randomBytes(300_000);
      const kms = { "x-amz-server-side-encryption": "aws:kms" };
      await ask(server, "PUT", "/bucket/sound", { body, headers: kms });
      await ask(server, "PUT", "/bucket/broken", { body, headers: kms });
      await ask(server, "PUT", "/bucket/plain", { body: "plain" });
      await server.stop();

      const sound = await runS3(["verify", dir]);
      expect([sound.code, sound.stdout], sound.stderr).to.satisfy(
        ([code, text]: [number, string]) => code === 0 && text.startsWith("3 objects sound"),
      );

      const told = await runS3(["stat", dir, "bucket/sound", "--json"]);
      expect(JSON.parse(told.stdout)).to.include({
        key: "sound",
        size: 300_000,
        encryption: "SSE-KMS",
        keyName: "my-key",
        sealAlgorithm: "DAREv2-HMAC-SHA256",
      });
      expect((await runS3(["stat", dir, "bucket/plain"])).stdout).to.match(/^Encryption +none$/m);
      for (const [path, reason] of [
        ["bucket/missing", "there is no object 'missing'"],
        ["nowhere/k", "there is no bucket 'nowhere'"],
        ["bucket", "not of the form BUCKET/KEY"],
      ] as const) {
        const { code, stderr } = await runS3(["stat", dir, path]);
        expect(code).to.equal(1);
        expect(stderr).to.contain(reason);
      }

      await damage(dir, 200_000);
      const broken = await runS3(["verify", dir, "--json"]);
      expect(broken.code).to.equal(1);
      const [line, end] = broken.stdout
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text));
      expect(line).to.include({ bucket: "bucket", offset: 3 * 65_536 });
      expect(["sound", "broken"]).to.include(line.key);
      expect(end).to.include({ isComplete: true, sound: 2, damaged: 1 });

      const locked = await runS3(["verify", dir], {});
      expect(locked.code).to.equal(1);
      expect(locked.stdout).to.contain("2 whose keys cannot be had, 0 damaged");
      expect((await runS3(["verify", join(folder, "no-such-folder")])).stderr).to.contain("is not a folder");
    });

    it("work while a server has the folder and objects come and go, and change nothing in it", async () => {
      const dir = join(folder, "in-use");
      const server = await started({ dir });
      await ask(server, "PUT", "/bucket");
      const kms = { "x-amz-server-side-encryption": "aws:kms" };
      const large = randomBytes(300_000);
      await ask(server, "PUT", "/bucket/stays", { body: large, headers: kms });
      const failed: number[] = [];
      let isDone = false;
      const work = async (worker: number): Promise<void> => {
        for (let n = 0; !isDone; n++) {
          const path = `/bucket/k${worker}-${n % 5}`;
          const body = n % 3 === 0 ? large : `content ${n}`;
          const { status } = await ask(server, "PUT", path, { body, headers: kms });
          if (status !== 200) failed.push(status);
          if (n % 2 === 1) await ask(server, "DELETE", path);
        }
      };
      const workers = [0, 1, 2].map(work);
      try {
        for (let turn = 0; turn < 5; turn++) {
          const { code, stdout, stderr } = await runS3(["verify", dir, "--json"]);
          expect(code, stdout + stderr).to.equal(0);
          const report = JSON.parse(stdout);
          expect(report).to.include({ isComplete: true, damaged: 0, unopened: 0 });
          expect(report.sound).to.be.greaterThan(0);
          const told = await runS3(["stat", dir, "bucket/stays", "--json"]);
          expect(JSON.parse(told.stdout)).to.include({ size: 300_000, encryption: "SSE-KMS" });
        }
      } finally {
        isDone = true;
        await Promise.all(workers);
      }
      expect(failed).to.deep.equal([]);
      for (let worker = 0; worker < 3; worker++)
        for (let n = 0; n < 5; n++) await ask(server, "DELETE", `/bucket/k${worker}-${n}`);
      await damage(dir, 200_000);
      const broken = await runS3(["verify", dir]);
      expect([broken.code, broken.stdout]).to.satisfy(
        ([code, text]: [number, string]) => code === 1 && text.startsWith("bucket/stays  damaged from byte"),
      );
      expect((await runS3(["verify", dir, "--rebuild-index"])).stderr).to.contain("is in use");
      const rotated = await runS3(["rotate", "--dir", dir, "--bucket", "bucket", "--key", "my-key"]);
      expect(rotated.stderr).to.contain("is in use").and.to.contain("--server");
      expect((await runS3(["verify", dir, "--bucket", "none"])).stderr).to.contain(
        "there is no bucket 'none'",
      );
      expect(await server.stop()).to.equal(0);
    });

    it("make the index small, when no server has it", async () => {
      const dir = join(folder, "compacted");
      const server = await started({ dir });
      await ask(server, "PUT", "/bucket");
      for (let i = 0; i < 20; i++) await ask(server, "PUT", `/bucket/k${i}`, { body: `content ${i}` });
      expect((await runS3(["compact", dir])).stderr).to.contain("is in use by another process");
      await server.stop();
      const { code, stdout, stderr } = await runS3(["compact", dir, "--json"]);
      expect(code, stderr).to.equal(0);
      const { before, after, entries } = JSON.parse(stdout);
      expect(before).to.be.greaterThan(after);
      expect(entries).to.be.greaterThan(20);
      expect((await runS3(["compact", dir])).stdout).to.match(
        /^index of \d+ entries: \S+ before, \S+ now\n$/,
      );
      const sound = await runS3(["verify", dir]);
      expect(sound.stdout).to.contain("20 objects sound").and.to.contain("0 damaged");
      const again = await started({ dir });
      expect((await ask(again, "GET", "/bucket/k7")).text).to.equal("content 7");
    });

    it("build the index anew from the files", async () => {
      const dir = join(folder, "rebuilt");
      const server = await started({ dir });
      await ask(server, "PUT", "/bucket");
      for (let i = 0; i < 20; i++) await ask(server, "PUT", `/bucket/k${i}`, { body: `content ${i}` });
      await server.stop();
      await rm(join(dir, "index"), { recursive: true });
      const refused = await runS3(["server", dir, "--address", "127.0.0.1:0"]);
      expect(refused.code).to.equal(1);
      expect(refused.stderr).to.contain("--rebuild-index");
      const rebuilt = await runS3(["verify", dir, "--rebuild-index"]);
      expect(rebuilt.code, rebuilt.stdout + rebuilt.stderr).to.equal(0);
      expect(rebuilt.stdout).to.contain("1 buckets, 20 objects").and.to.contain("20 objects sound");
      const again = await started({ dir });
      expect((await ask(again, "GET", "/bucket/k7")).text).to.equal("content 7");
    });
  });

  describe("rotate", () => {
    it("goes on where it was interrupted, until everything is under the new key", async () => {
      const apiKey = ApiKey.generate(randomBytes);
      const keyServer = await startTestServer({
        policies: {
          storage: {
            allow: ["/v1/key/create/*", "/v1/key/generate/*", "/v1/key/decrypt/*"],
            deny: [],
            identities: [apiKey.identity],
          },
        },
      });
      cleanUp.add(() => keyServer.close());
      const admin = new KesClient({
        endpoints: keyServer.url,
        ca: keyServer.ca.certPem,
        certificate: keyServer.admin.certPem,
        key: keyServer.admin.keyPem,
      });
      cleanUp.add(() => admin.close());
      await admin.createKey("new");
      await writeFile(join(folder, "kes.crt"), keyServer.ca.certPem);
      const env = {
        MINIO_ROOT_USER: PROCESS_ROOT.user,
        MINIO_ROOT_PASSWORD: PROCESS_ROOT.password,
        MINIO_KMS_KES_ENDPOINT: keyServer.url,
        MINIO_KMS_KES_KEY_NAME: "old",
        MINIO_KMS_KES_API_KEY: apiKey.toString(),
        MINIO_KMS_KES_CAPATH: join(folder, "kes.crt"),
      };
      const dir = join(folder, "rotated");
      const server = await started({ dir, env });
      await ask(server, "PUT", "/bucket");
      const count = 150;
      const kms = { "x-amz-server-side-encryption": "aws:kms" };
      const keys = Array.from({ length: count }, (_, i) => `k${String(i).padStart(4, "0")} ü`);
      for (const key of keys)
        await ask(server, "PUT", `/bucket/${encodeURIComponent(key)}`, { body: key, headers: kms });
      await ask(server, "PUT", "/bucket/plain", { body: "plain" });
      await ask(server, "PUT", "/bucket/s3", {
        body: "s3",
        headers: { "x-amz-server-side-encryption": "AES256" },
      });
      await ask(server, "POST", "/bucket/k?uploads", { headers: kms });
      const etag = (await ask(server, "HEAD", `/bucket/${encodeURIComponent(keys[0] ?? "")}`)).headers.etag;

      const mark = join(folder, "rotation.mark");
      const words = [
        "rotate",
        "--server",
        `http://127.0.0.1:${server.port}`,
        "--bucket",
        "bucket",
        "--key",
        "new",
        "--mark",
        mark,
        "--parallel",
        "2",
      ];
      let interruptions = 0;
      for (let i = 0; i < 3; i++) {
        const running = await RunningProcess.start(
          [...s3Program, ...words],
          async () => (await readFile(mark, "utf8").catch(() => "")).length > i,
          { env, readyTimeoutMs: 60_000 },
        );
        running.signal("SIGINT");
        if ((await running.ended) !== 0) interruptions++;
      }
      const last = await runS3([...words, "--json"], env);
      expect(last.code, last.stderr).to.equal(0);
      const report = JSON.parse(last.stdout);
      expect(report).to.include({ isComplete: true, failed: 0 });
      expect(last.stderr).to.contain("1 upload is not complete");
      expect(JSON.parse(await readFile(mark, "utf8"))).to.deep.equal({
        bucket: "bucket",
        prefix: "",
        key: "new",
        after: "s3",
      });
      expect(interruptions).to.be.greaterThan(0);

      await admin.deleteKey("old");
      for (const key of keys) {
        const got = await ask(server, "GET", `/bucket/${encodeURIComponent(key)}`);
        expect([got.text, got.headers["x-amz-server-side-encryption-aws-kms-key-id"]]).to.deep.equal([
          key,
          "new",
        ]);
      }
      expect((await ask(server, "GET", "/bucket/s3")).text).to.equal("s3");
      expect(
        (await ask(server, "HEAD", `/bucket/${encodeURIComponent(keys[0] ?? "")}`)).headers.etag,
      ).to.equal(etag);

      const other = await runS3([...words.slice(0, 6), "another", ...words.slice(7)], env);
      expect([other.code, other.stderr]).to.satisfy(
        ([code, text]: [number, string]) => code === 1 && text.includes("belongs to the rotation"),
      );
      await server.stop();
      await admin.createKey("newer");
      const offline = await runS3(
        ["rotate", "--dir", dir, "--bucket", "bucket", "--prefix", "k", "--key", "newer"],
        { ...env, MINIO_KMS_KES_KEY_NAME: "new" },
      );
      expect(offline.stdout, offline.stderr).to.match(/^150 objects resealed under 'newer' /);
      expect(offline.stderr).to.contain("1 upload is not complete");
    });

    for (const [what, words, told] of [
      ["without bucket", ["--key", "k"], "--bucket and --key are needed"],
      [
        "with folder and server",
        ["--key", "k", "--bucket", "b", "--dir", "x", "--server", "http://x"],
        "not both",
      ],
      ["with what is no URL", ["--key", "k", "--bucket", "b", "--server", "here"], "'here' is not a URL"],
      [
        "in a folder that is not there",
        ["--key", "k", "--bucket", "b", "--dir", "/none"],
        "'/none' is not a folder",
      ],
    ] as const) {
      it(`refuses to begin ${what}`, async () => {
        const { code, stderr } = await runS3(["rotate", ...words]);
        expect(code).to.equal(1);
        expect(stderr).to.contain(told);
      });
    }
  });

  it("shows its commands, and what is meant by a slip", async () => {
    const help = await runS3(["--help"]);
    expect(help.stderr).to.contain("kes-s3 COMMAND [OPTIONS] [ARGUMENTS]").and.to.contain("Run an S3 server");
    expect((await runS3(["serve"])).stderr).to.contain("did you mean 'kes-s3 server'?");
    expect((await runS3(["server", "--adress", "x", "y"])).stderr).to.contain("did you mean '--address'?");
    expect((await runS3(["--version"])).stdout).to.match(/^Version +\d/);
  });
});

/** Writes anew, as tools that replace files do. */
async function replace(file: string, text: string): Promise<void> {
  await writeFile(`${file}.new`, text, { mode: 0o600 });
  await rename(`${file}.new`, file);
}

/** Flips a bit in the middle of a content of the store. */
async function damage(dir: string, offset: number): Promise<void> {
  const files = await readdir(join(dir, "data"), { recursive: true });
  for (const name of files) {
    const file = join(dir, "data", name);
    if (!name.endsWith(".content") || (await stat(file)).size < offset) continue;
    const handle = await open(file, "r+");
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, offset);
    await handle.write(Buffer.of((byte[0] ?? 0) ^ 1), 0, 1, offset);
    await handle.close();
    return;
  }
  throw new Error("no content of that size");
}
