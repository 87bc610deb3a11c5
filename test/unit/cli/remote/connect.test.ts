import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { openClients, withClient } from "../../../../src/cli/remote/connect.js";
import type { RemoteOptions } from "../../../../src/cli/remote/options.js";
import type { KesClient } from "../../../../src/client/client.js";
import { isKesError, UsageError } from "../../../../src/errors.js";
import { captured } from "../../../support/captured-output.js";
import { startTestServer, type TestServer } from "../../../support/test-server.js";

const flags: RemoteOptions = {
  ...{ server: [], "api-key": undefined, ca: undefined },
  ...{ insecure: false, timeout: undefined, enclave: undefined },
};

describe("cli/remote/connect", () => {
  let server: TestServer;
  let dir: string;
  let env: Record<string, string>;
  before(async () => {
    server = await startTestServer();
    dir = await mkdtemp(join(tmpdir(), "keswick-connect-"));
    await writeFile(join(dir, "server.crt"), server.ca.certPem);
    await writeFile(join(dir, "admin.crt"), server.admin.certPem);
    await writeFile(join(dir, "admin.key"), server.admin.keyPem, { mode: 0o600 });
    const pem = server.admin.key.export({
      ...{ type: "pkcs8", format: "pem", cipher: "aes-256-cbc", passphrase: "password" },
    });
    await writeFile(join(dir, "encrypted.key"), pem, { mode: 0o600 });
    env = {
      MINIO_KES_SERVER: `127.0.0.1:${server.port}`,
      MINIO_KES_CERT_FILE: "admin.crt",
      MINIO_KES_KEY_FILE: "admin.key",
      MINIO_KES_CAPATH: "server.crt",
    };
  });
  after(async () => {
    await server?.close();
    await rm(dir, { recursive: true, force: true });
  });

  const failureOf = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => "nothing was thrown",
      (error: unknown) => error,
    );

  it("gives the work a client, its exit code to the caller, and closes the client", async () => {
    const { context } = captured({ cwd: dir, env });
    let client: KesClient | undefined;
    const code = await withClient(context, flags, async (remote) => {
      client = remote.client;
      await client.createKey("my-key", { signal: remote.signal });
      expect((await client.describeSelf()).isAdmin).to.equal(true);
      return 7;
    });
    expect(code).to.equal(7);
    const failure = await failureOf(client?.version() ?? Promise.resolve());
    expect(isKesError(failure, "CLIENT_CLOSED")).to.equal(true);
  });

  it("closes the client also when the work fails, with what the work threw", async () => {
    const { context } = captured({ cwd: dir, env });
    const fault = new RangeError("mine");
    let client: KesClient | undefined;
    const work = withClient(context, flags, async (remote) => {
      client = remote.client;
      return remote.attempt({ what: "failed to X" }, async () => {
        throw fault;
      });
    });
    expect(await failureOf(work)).to.equal(fault);
    const failure = await failureOf(client?.version() ?? Promise.resolve());
    expect(isKesError(failure, "CLIENT_CLOSED")).to.equal(true);
  });

  it("explains what a call threw", async () => {
    const { context } = captured({ cwd: dir, env });
    const work = withClient(context, flags, ({ client, attempt }) =>
      attempt({ what: "failed to X", key: "my-kye" }, async () => {
        await client.describeKey("my-kye");
        return undefined;
      }),
    );
    const failure = await failureOf(work);
    expect(failure)
      .to.be.instanceOf(CommandError)
      .with.property("message", "failed to X: key does not exist");
    expect(failure).to.have.deep.property("hints", ["keys with similar names: my-key"]);
  });

  it("takes no longer than --timeout, in Go's syntax", async () => {
    const { context } = captured({ cwd: dir, env });
    for (const timeout of ["1m30s", "0", "1.5h"]) {
      const work = async (): Promise<number> => 0;
      expect(await withClient(context, { ...flags, timeout }, work)).to.equal(0);
    }
    for (const [timeout, reason] of [
      ["15", 'time: invalid duration "15"'],
      ["", 'time: invalid duration ""'],
      ["-1s", "less than nothing"],
    ] as const) {
      const failure = await failureOf(withClient(context, { ...flags, timeout }, async () => 0));
      expect(failure).to.be.instanceOf(UsageError);
      expect(failure).to.have.property(
        "message",
        `invalid argument "${timeout}" for "--timeout" flag: ${reason}`,
      );
    }
  });

  it("refuses an address that is none before anything is sent", async () => {
    const { context } = captured({ cwd: dir, env });
    const failure = await failureOf(withClient(context, { ...flags, server: ["a b"] }, async () => 0));
    expect(failure)
      .to.be.instanceOf(CommandError)
      .with.property("message")
      .that.includes("client cannot be set up");
  });

  it("opens several clients with one password, asked for once", async () => {
    const { context, stderr } = captured({ cwd: dir, env: { ...env, MINIO_KES_KEY_FILE: "encrypted.key" } });
    const stdin = Object.assign(new PassThrough(), { isTTY: true });
    stdin.write("password\r");
    const peers = [
      { endpoint: `127.0.0.1:${server.port}` },
      { endpoint: `localhost:${server.port}` },
      { endpoint: `localhost:${server.port}`, address: "127.0.0.1" },
    ];
    const clients = await openClients({ ...context, stdin }, flags, peers);
    try {
      expect(clients).to.have.length(3);
      for (const client of clients) expect((await client.version()).version).to.equal("0.0.0-test");
      expect(stderr()).to.equal("Enter password for private key: \n");
    } finally {
      await Promise.all(clients.map((client) => client.close()));
    }
  });

  it("fails when one of several cannot be opened", async () => {
    const { context } = captured({ cwd: dir, env });
    const failure = await failureOf(
      openClients(context, flags, [{ endpoint: `127.0.0.1:${server.port}` }, { endpoint: "a b" }]),
    );
    expect(failure)
      .to.be.instanceOf(CommandError)
      .with.property("message")
      .that.includes("client cannot be set up");
  });
});
