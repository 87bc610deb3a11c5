/** MinIO with two of our servers on one keystore, known to them by an API key. */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { CleanUp } from "../support/clean-up.js";
import { type KesServer, kesCommand, serverUnderTest, startKes } from "../support/kes-server.js";
import { type KesSite, makeApiKey, makeKesSite } from "../support/kes-site.js";
import { Minio } from "../support/minio.js";
import { requireService } from "../support/services/index.js";

const KEY_NAME = "shared-key";
const SSE_S3 = { "x-amz-server-side-encryption": "AES256" };

describe(`interop: MinIO with two endpoints of the key service '${serverUnderTest()}'`, function () {
  this.timeout(30_000);

  const cleanUp = new CleanUp();
  let site: KesSite;
  let minio: Minio;
  let first: KesServer;
  let second: KesServer;

  before(async function () {
    const tools = { minio: requireService(this, "minio"), mc: requireService(this, "mc") };
    const openssl = requireService(this, "openssl");
    const command = kesCommand(this, serverUnderTest());
    const apiKey = await makeApiKey(openssl);
    const folder = await mkdtemp(join(tmpdir(), "keswick-minio-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    site = await makeKesSite(openssl, { clients: [apiKey.identity] });
    cleanUp.add(() => site.remove());
    first = await startKes(command, site);
    cleanUp.add(() => first.process.stop());
    second = await startKes(command, site);
    cleanUp.add(() => second.process.stop());
    const kms = {
      MINIO_KMS_KES_ENDPOINT: `${first.endpoint},${second.endpoint}`,
      MINIO_KMS_KES_KEY_NAME: KEY_NAME,
      MINIO_KMS_KES_API_KEY: apiKey.text,
      MINIO_KMS_KES_CAPATH: site.server.certFile,
    };
    minio = await Minio.start({ folder, tools, kms });
    cleanUp.add(() => minio.stop());
    await minio.mcOk("mb", "local/bucket");
  });

  after(() => cleanUp.run());

  async function endpoints(): Promise<Record<string, string>> {
    const reply = await minio.s3("GET", "/minio/kms/v1/status");
    return JSON.parse(reply.body).endpoints;
  }

  it("has one key in the keystore that both share", async () => {
    expect(await readdir(site.keyFolder)).to.deep.equal([KEY_NAME]);
  });

  it("shows both online", async () => {
    expect(await endpoints()).to.deep.equal({ [first.endpoint]: "online", [second.endpoint]: "online" });
  });

  it("goes on with the second when the first ends", async () => {
    await minio.s3("PUT", "/bucket/before", { headers: SSE_S3, body: "before" });
    await first.process.stop();
    expect((await minio.s3("GET", "/bucket/before")).body).to.equal("before");
    const written = await minio.s3("PUT", "/bucket/between", { headers: SSE_S3, body: "between" });
    expect(written.status, written.body).to.equal(200);
    expect(await endpoints()).to.deep.equal({ [first.endpoint]: "offline", [second.endpoint]: "online" });
  });
});
