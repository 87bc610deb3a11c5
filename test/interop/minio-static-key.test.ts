/**
 * MinIO's builtin single key seals as KES does, in code of its own. So a deployment can move from it to our server
 * and back by importing the key, and MinIO is a second opinion on our ciphertexts.
 */
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { CleanUp } from "../support/clean-up.js";
import { ask, kesCommand, serverUnderTest, startKes } from "../support/kes-server.js";
import { type KesSite, makeKesSite } from "../support/kes-site.js";
import { kesVariables, Minio, type MinioTools } from "../support/minio.js";
import { requireService } from "../support/services/index.js";

const KEY_NAME = "static-key";
const CONTEXT = Buffer.from('{"tenant":"north","a":"<&>"}').toString("base64");

const objects = [
  { path: "sse-s3", headers: { "x-amz-server-side-encryption": "AES256" } },
  {
    path: "sse-kms",
    headers: {
      "x-amz-server-side-encryption": "aws:kms",
      "x-amz-server-side-encryption-aws-kms-key-id": KEY_NAME,
      "x-amz-server-side-encryption-context": CONTEXT,
    },
  },
];

describe(`interop: MinIO's single key and the key service '${serverUnderTest()}'`, function () {
  this.timeout(30_000);

  const cleanUp = new CleanUp();
  const key = randomBytes(32).toString("base64");
  let tools: MinioTools;
  let folder: string;
  let site: KesSite;
  let endpoint: string;

  before(async function () {
    tools = { minio: requireService(this, "minio"), mc: requireService(this, "mc") };
    const openssl = requireService(this, "openssl");
    const command = kesCommand(this, serverUnderTest());
    folder = await mkdtemp(join(tmpdir(), "keswick-minio-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    site = await makeKesSite(openssl);
    cleanUp.add(() => site.remove());
    const kes = await startKes(command, site);
    cleanUp.add(() => kes.process.stop());
    endpoint = kes.endpoint;
  });

  after(() => cleanUp.run());

  /** Starts MinIO on the shared data folder, does `work`, and stops it again. */
  async function withMinio(
    kms: Record<string, string>,
    work: (minio: Minio) => Promise<void>,
  ): Promise<void> {
    const minio = await Minio.start({ folder, tools, kms });
    try {
      await work(minio);
    } finally {
      await minio.stop();
    }
  }

  async function write(minio: Minio, prefix: string): Promise<void> {
    for (const { path, headers } of objects) {
      const reply = await minio.s3("PUT", `/bucket/${prefix}-${path}`, {
        headers,
        body: `${prefix} ${path}`,
      });
      expect(reply.status, reply.body).to.equal(200);
    }
  }

  async function expectReadable(minio: Minio, prefix: string): Promise<void> {
    for (const { path } of objects) {
      const reply = await minio.s3("GET", `/bucket/${prefix}-${path}`);
      expect(reply.body).to.equal(`${prefix} ${path}`);
    }
  }

  it("writes with the single key", async () => {
    await withMinio({ MINIO_KMS_SECRET_KEY: `${KEY_NAME}:${key}` }, async (minio) => {
      await minio.mcOk("mb", "local/bucket");
      await minio.mcOk("admin", "user", "add", "local", "some-user", "some-password");
      await write(minio, "single");
    });
  });

  it("reads it all with the key service once the key is imported, and writes more", async () => {
    const body = { key, cipher: "AES256" };
    const imported = await ask(endpoint, site.admin, {
      method: "PUT",
      path: `/v1/key/import/${KEY_NAME}`,
      body,
    });
    expect(imported.status, imported.text).to.equal(200);
    await withMinio(kesVariables(endpoint, site, KEY_NAME), async (minio) => {
      await expectReadable(minio, "single");
      const users = await minio.mcOk("admin", "user", "list", "local");
      expect(users.map((user) => user.accessKey)).to.deep.equal(["some-user"]);
      await write(minio, "service");
    });
  });

  it("reads everything with the single key again", async () => {
    await withMinio({ MINIO_KMS_SECRET_KEY: `${KEY_NAME}:${key}` }, async (minio) => {
      await expectReadable(minio, "service");
      await expectReadable(minio, "single");
    });
  });

  it("cannot read with another key of the same name", async () => {
    const other = randomBytes(32).toString("base64");
    await withMinio({ MINIO_KMS_SECRET_KEY: `${KEY_NAME}:${other}` }, async (minio) => {
      const reply = await minio.s3("GET", "/bucket/service-sse-s3");
      expect(reply.status).to.equal(400);
      expect(reply.body).to.include("kms:InvalidCiphertextException");
    });
  });
});
