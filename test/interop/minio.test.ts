/** MinIO's last open release with our server as its key service, driven by `mc` and by a plain S3 client. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { type Command, until } from "../support/child-process.js";
import { type KesServer, kesCommand, serverUnderTest, startKes } from "../support/kes-server.js";
import { type KesSite, makeKesSite } from "../support/kes-site.js";
import { kesVariables, Minio, type MinioTools } from "../support/minio.js";
import { requireService } from "../support/services/index.js";

const DEFAULT_KEY = "minio-default-key";
const OTHER_KEY = "minio-other-key";
const OBJECTS = 200;
/** Above mc's part size of 16 MiB, so that the upload has two parts. */
const LARGE_BYTES = 17 * 1024 * 1024;
/** MinIO tries a silent key service three times, up to a second apart. */
const OUTAGE_TIMEOUT_MS = 20_000;

const SSE_S3 = { "x-amz-server-side-encryption": "AES256" };
const sseKms = (keyName: string): Record<string, string> => ({
  "x-amz-server-side-encryption": "aws:kms",
  "x-amz-server-side-encryption-aws-kms-key-id": keyName,
});

describe(`interop: MinIO with the key service '${serverUnderTest()}'`, function () {
  this.timeout(30_000);

  let tools: MinioTools;
  let command: Command;
  let folder: string;
  let site: KesSite;
  let kes: KesServer | undefined;
  let minio: Minio | undefined;

  before(async function () {
    tools = { minio: requireService(this, "minio"), mc: requireService(this, "mc") };
    const openssl = requireService(this, "openssl");
    command = kesCommand(this, serverUnderTest());
    folder = await mkdtemp(join(tmpdir(), "keswick-minio-"));
    site = await makeKesSite(openssl);
    kes = await startKes(command, site);
    minio = await startMinio();
    await running(minio).mcOk("mb", "local/bucket");
  });

  after(async () => {
    await minio?.stop();
    await kes?.process.stop();
    await site?.remove();
    if (folder) await rm(folder, { recursive: true, force: true });
  });

  function startMinio(): Promise<Minio> {
    return Minio.start({ folder, tools, kms: kesVariables(running(kes).endpoint, site, DEFAULT_KEY) });
  }

  describe("start", () => {
    it("creates its default key by itself", async () => {
      expect(await readdir(site.keyFolder)).to.include(DEFAULT_KEY);
    });

    it("starts again without a second key, and reads what it sealed before", async () => {
      await put("/bucket/before-restart", SSE_S3, "sealed before the restart");
      await running(minio).mcOk("admin", "user", "add", "local", "some-user", "some-password");
      const key = await readFile(join(site.keyFolder, DEFAULT_KEY), "utf8");

      await running(minio).stop();
      minio = await startMinio();

      expect(await readFile(join(site.keyFolder, DEFAULT_KEY), "utf8")).to.equal(key);
      expect((await minio.s3("GET", "/bucket/before-restart")).body).to.equal("sealed before the restart");
      // Users rest in a file that MinIO seals under the default key.
      const users = await minio.mcOk("admin", "user", "list", "local");
      expect(users.map((user) => user.accessKey)).to.include("some-user");
    });

    it("survives a restart of the key service", async () => {
      await put("/bucket/before-kes-restart", SSE_S3, "still here");
      const { port, process } = running(kes);
      expect(await process.stop(), process.output).to.equal(0);
      kes = await startKes(command, site, port);
      expect((await running(minio).s3("GET", "/bucket/before-kes-restart")).body).to.equal("still here");
    });

    it("refuses reads while the key service is down, and serves them again after", async function () {
      this.timeout(OUTAGE_TIMEOUT_MS);
      await put("/bucket/outage", SSE_S3, "not without a key");
      const { port, process } = running(kes);
      await process.stop();
      expect((await running(minio).s3("GET", "/bucket/outage")).status).to.be.at.least(500);
      kes = await startKes(command, site, port);
      await until("MinIO to find its key service again", async () => {
        const reply = await running(minio).s3("GET", "/bucket/outage");
        return reply.status === 200 && reply.body === "not without a key";
      });
    });
  });

  describe("objects", () => {
    it("puts, heads, gets and ranges an SSE-S3 object", async () => {
      await put("/bucket/sse-s3", SSE_S3, "0123456789");
      const head = await running(minio).s3("HEAD", "/bucket/sse-s3");
      expect(head.headers.get("x-amz-server-side-encryption")).to.equal("AES256");
      expect(head.headers.get("content-length")).to.equal("10");
      expect((await running(minio).s3("GET", "/bucket/sse-s3")).body).to.equal("0123456789");
      const part = await running(minio).s3("GET", "/bucket/sse-s3", { headers: { range: "bytes=3-5" } });
      expect([part.status, part.body]).to.deep.equal([206, "345"]);
    });

    it("puts and gets an SSE-KMS object under a key of its own, with a context of the client's", async () => {
      await running(minio).mc("admin", "kms", "key", "create", "local", OTHER_KEY);
      const context = Buffer.from('{"tenant":"a<b>&c"}').toString("base64");
      const headers = { ...sseKms(OTHER_KEY), "x-amz-server-side-encryption-context": context };
      await put("/bucket/sse-kms", headers, "sealed under another key");
      const reply = await running(minio).s3("GET", "/bucket/sse-kms");
      expect(reply.body).to.equal("sealed under another key");
      expect(reply.headers.get("x-amz-server-side-encryption")).to.equal("aws:kms");
      expect(reply.headers.get("x-amz-server-side-encryption-aws-kms-key-id")).to.match(
        new RegExp(`${OTHER_KEY}$`),
      );
    });

    it("keeps no object as plaintext on the drive", async () => {
      const secret = `plaintext-${randomBytes(8).toString("hex")}`;
      await put("/bucket/on-drive", SSE_S3, secret);
      const files = await readdir(join(folder, "data", "bucket", "on-drive"), {
        recursive: true,
        withFileTypes: true,
      });
      const contents = await Promise.all(
        files
          .filter((file) => file.isFile())
          .map((file) => readFile(join(file.parentPath, file.name), "latin1")),
      );
      expect(contents).to.not.be.empty;
      expect(contents.some((content) => content.includes(secret))).to.equal(false);
    });

    const refused: readonly [why: string, keyName: string, status: number, code: string][] = [
      ["a missing key", "no-such-key", 404, "kms:KeyNotFound"],
      ["a key that the policy denies", "forbidden-key", 403, "kms:NotAuthorized"],
    ];
    for (const [why, keyName, status, code] of refused) {
      it(`tells its client of ${why}`, async () => {
        const reply = await running(minio).s3("PUT", "/bucket/refused", {
          headers: sseKms(keyName),
          body: "x",
        });
        expect(reply.status).to.equal(status);
        expect(reply.body).to.include(`<Code>${code}</Code>`);
      });
    }

    it("uploads and downloads a multipart object with mc", async () => {
      const file = join(folder, "large");
      const content = randomBytes(LARGE_BYTES);
      await writeFile(file, content);
      await running(minio).mcOk("cp", "--enc-s3", "local/bucket", file, "local/bucket/large");
      await running(minio).mcOk("cp", "local/bucket/large", `${file}-again`);
      expect(content.equals(await readFile(`${file}-again`))).to.equal(true);
    });

    it(`mirrors ${OBJECTS} SSE-S3 objects, lists them, and mirrors them back unchanged`, async () => {
      const names = Array.from({ length: OBJECTS }, (_, i) => `object-${String(i).padStart(3, "0")}`);
      const source = join(folder, "many");
      const target = join(folder, "many-again");
      await mkdir(source);
      await Promise.all(names.map((name) => writeFile(join(source, name), `content of ${name}`)));
      await running(minio).mcOk("mb", "local/many");
      await running(minio).mcOk("mirror", "--enc-s3", "local/many", source, "local/many");

      const listed = await running(minio).mcOk("ls", "local/many");
      expect(listed.map((entry) => entry.key)).to.deep.equal(names);
      const last = await running(minio).s3("HEAD", `/many/${names.at(-1)}`);
      expect(last.headers.get("x-amz-server-side-encryption")).to.equal("AES256");

      await running(minio).mcOk("mirror", "local/many", target);
      const contents = await Promise.all(names.map((name) => readFile(join(target, name), "utf8")));
      expect(contents).to.deep.equal(names.map((name) => `content of ${name}`));
    });
  });

  describe("operator calls", () => {
    it("reports both directions of its default key as well", async () => {
      const [status] = await running(minio).mcOk("admin", "kms", "key", "status", "local");
      expect(status).to.deep.equal({ keyId: DEFAULT_KEY, status: "success" });
    });

    it("creates a key, finds it working and lists it", async () => {
      await running(minio).mcOk("admin", "kms", "key", "create", "local", "operator-key");
      const [status] = await running(minio).mcOk("admin", "kms", "key", "status", "local", "operator-key");
      expect(status).to.deep.equal({ keyId: "operator-key", status: "success" });
      const [list] = await running(minio).mcOk("admin", "kms", "key", "list", "local");
      expect(list?.keys).to.include.members([DEFAULT_KEY, "operator-key"]);
    });

    it("tells that a key is missing", async () => {
      const [status] = await running(minio).mcOk("admin", "kms", "key", "status", "local", "no-such-key");
      expect(status?.encryptionError).to.equal("key with given key ID does not exist");
    });

    it("lists by prefix pattern", async () => {
      await running(minio).mc("admin", "kms", "key", "create", "local", "pattern-key");
      const all: unknown = JSON.parse((await operator("GET", "key/list?pattern=%2A")).body);
      const some: unknown = JSON.parse((await operator("GET", "key/list?pattern=pattern-%2A")).body);
      expect(names(all)).to.include.members([DEFAULT_KEY, "pattern-key"]);
      expect(names(some)).to.deep.equal(["pattern-key"]);
    });

    it("shows the endpoint online", async () => {
      const status = JSON.parse((await operator("GET", "status")).body);
      expect(status).to.deep.include({
        "default-key-id": DEFAULT_KEY,
        endpoints: { [running(kes).endpoint]: "online" },
      });
    });

    it("passes the version and the API table on", async () => {
      const version = JSON.parse((await operator("GET", "version")).body);
      expect(version).to.have.property("version").that.is.a("string").and.not.empty;
      const apis: { Method: string; Path: string }[] = JSON.parse((await operator("GET", "apis")).body);
      expect(apis.map((api) => api.Path)).to.include.members([
        "/version",
        "/v1/key/generate/",
        "/v1/key/decrypt/",
      ]);
    });

    it("counts no failed request but those of the outage", async () => {
      const before = JSON.parse((await operator("GET", "metrics")).body);
      await put("/bucket/counted", SSE_S3, "counted");
      const after = JSON.parse((await operator("GET", "metrics")).body);
      expect(after.kms_req_success).to.be.greaterThan(before.kms_req_success);
      expect(after.kms_req_failure).to.equal(before.kms_req_failure);
    });
  });

  async function put(path: string, headers: Readonly<Record<string, string>>, body: string): Promise<void> {
    const reply = await running(minio).s3("PUT", path, { headers, body });
    expect(reply.status, reply.body).to.equal(200);
  }

  async function operator(method: string, path: string): Promise<{ body: string }> {
    const reply = await running(minio).s3(method, `/minio/kms/v1/${path}`);
    expect(reply.status, reply.body).to.equal(200);
    return reply;
  }
});

/** The names in the reply of MinIO's key listing. */
function names(reply: unknown): string[] {
  if (!Array.isArray(reply)) throw new Error(`not a list: ${JSON.stringify(reply)}`);
  return reply.map((row: { readonly name: string }) => row.name);
}

function running<Server>(server: Server | undefined): Server {
  if (server === undefined) throw new Error("it did not start");
  return server;
}
