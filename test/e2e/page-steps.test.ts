/** The lines that the page at `/` shows, pasted into a shell one after the other. */
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import { certificatesOfPem, identityOfCertificate } from "../../src/identity/certificate.js";
import { steps } from "../../src/server/pages/documents.js";
import { runOk } from "../support/child-process.js";
import { requireService } from "../support/services/index.js";
import { kesProgram } from "../support/started-site.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

describe("the steps on the page", function () {
  this.timeout(30_000);
  let folder: string;
  let server: TestServer | undefined;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "keswick-steps-"));
    const words = kesProgram.map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    await writeFile(join(folder, "kes"), `#!/bin/sh\nexec ${words.join(" ")} "$@"\n`);
    await chmod(join(folder, "kes"), 0o755);
  });
  after(async () => {
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  const paste = (line: string): Promise<string> =>
    runOk(["/bin/sh", "-c", line.replaceAll("127.0.0.1:7373", `127.0.0.1:${server?.port}`)], {
      cwd: folder,
      env: { PATH: `${folder}:${process.env.PATH}` },
    });

  it("lead from nothing to a client that the server knows", async function () {
    requireService(this, "curl");
    const [make = "", again = "", ask = "", curl = "", ...more] = steps.flatMap(([, line]) => line ?? []);
    expect(more).to.deep.equal([]);
    const made = await paste(make);
    const [der] = certificatesOfPem(await readFile(join(folder, "client.crt"), "utf8"));
    const identity = identityOfCertificate(der);
    expect(made).to.include(identity);
    expect(await paste(again)).to.equal(identity);

    server = await startTestServer({
      policies: { "my-app": { allow: ["/v1/key/create/my-*"], identities: [identity] } },
    });
    await writeFile(join(folder, "server.crt"), server.ca.certPem);
    expect(await paste(ask))
      .to.include(identity)
      .and.include("my-app")
      .and.include("/v1/key/create/my-*");
    expect(JSON.parse(await paste(curl))).to.include({ identity, policy: "my-app" });
  });
});
