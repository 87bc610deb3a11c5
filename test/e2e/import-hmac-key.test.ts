import { expect } from "chai";
import { ApiClient } from "../support/api-client.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const bytesFrom = (first: number): string =>
  Buffer.from(Array.from({ length: 32 }, (_, i) => first + i)).toString("base64");

describe("importing an HMAC key", () => {
  let server: TestServer;
  let client: ApiClient;
  before(async () => {
    server = await startTestServer();
    client = new ApiClient("h2", server.port, server.admin);
  });
  after(async () => {
    client?.close();
    await server?.close();
  });

  const hmac = async (name: string, message: string): Promise<unknown> =>
    client.ok("PUT", `/v1/key/hmac/${name}`, { message: Buffer.from(message).toString("base64") });

  it("S16 #28: keeps the HMACs of the place it comes from", async () => {
    const body = { key: bytesFrom(0), cipher: "AES256", hmac_key: bytesFrom(0x20) };
    await client.ok("PUT", "/v1/key/import/whole", body);
    // KES reference §9.8.
    expect(await hmac("whole", "Hello World")).to.deep.equal({
      hmac: "z7qwEmYMolZ+4ObWeNpuOTZmFjyazt/txHZcMi1tr48=",
    });
    expect(await hmac("whole", "root access key")).to.deep.equal({
      hmac: "/Mm2j6Jwe3MIuHpsbtso4nGEaAvvoPqJPHYNrgxZGuk=",
    });
  });

  it("makes the HMACs of MinIO's single key from its bytes", async () => {
    const key = "eEm+JI9/q4JhH8QwKvf3LKo4DEBl6QbfvAl1CAbMIv8=";
    await client.ok("PUT", "/v1/key/import/minio", { key, cipher: "AES256", hmac_key: key });
    // MinIO reference §9.4.
    const expected = Buffer.from("bf4421138329b920afeb9b28fe198e062ec63d09a0104ba44c64e54a6399afe2", "hex");
    expect(await hmac("minio", "root access key")).to.deep.equal({ hmac: expected.toString("base64") });
  });

  it("draws one at random when none is given", async () => {
    const macs = new Set<string>();
    for (const name of ["first", "second"]) {
      await client.ok("PUT", `/v1/key/import/${name}`, { key: bytesFrom(0), cipher: "AES256" });
      macs.add(JSON.stringify(await hmac(name, "Hello World")));
    }
    expect(macs.size).to.equal(2);
  });

  it("refuses one of another size, and stores nothing", async () => {
    const hmac_key = Buffer.alloc(31, 1).toString("base64");
    const body = JSON.stringify({ key: bytesFrom(0), cipher: "AES256", hmac_key });
    const answer = await client.send({ method: "PUT", path: "/v1/key/import/short", body });
    expect(answer.status).to.equal(406);
    expect(JSON.parse(answer.body)).to.deep.equal({ message: "invalid key size for 'SHA256'" });
    const found = await client.send({ method: "GET", path: "/v1/key/describe/short" });
    expect(found.status).to.equal(404);
  });
});
