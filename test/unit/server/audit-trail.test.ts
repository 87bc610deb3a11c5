import { generateKeyPairSync } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { expect } from "chai";
import { ErrorLog } from "../../../src/audit/error-log.js";
import { verifyFiles } from "../../../src/audit/file/verify.js";
import { LogHub } from "../../../src/audit/hub.js";
import type { AuditConfig, Config } from "../../../src/config/config.js";
import { ConfigError, isKesError } from "../../../src/errors.js";
import { checkAudit } from "../../../src/server/audit-config.js";
import { AuditTrail } from "../../../src/server/audit-trail.js";
import { type AuditFolder, auditFolder, sampleMembers } from "../../support/audit-file.js";
import { selfSigned } from "../../support/certificates.js";
import { until } from "../../support/child-process.js";

describe("server/audit-trail", () => {
  let site: AuditFolder;
  let keyFile: string;
  let err: string;
  let trail: AuditTrail | undefined;
  beforeEach(async () => {
    site = await auditFolder();
    keyFile = join(site.folder, "audit.key");
    err = "";
    await writeKey(keyFile);
  });
  afterEach(async () => {
    await trail?.close();
    trail = undefined;
    await site.remove();
  });

  const writeKey = (file: string, kind: "ed25519" | "x25519" = "ed25519"): Promise<void> => {
    const { privateKey } =
      kind === "ed25519" ? generateKeyPairSync("ed25519") : generateKeyPairSync("x25519");
    return writeFile(file, privateKey.export({ type: "pkcs8", format: "pem" }));
  };
  const configOf = (audit: AuditConfig | undefined): Config =>
    ({ file: "kes.yml", audit }) as unknown as Config;
  const auditOf = (changed: Partial<AuditConfig> & { path?: string } = {}): AuditConfig => {
    const { path = site.path, ...rest } = changed;
    return { file: { path, keyFile, maxBytes: 0, maxAgeMs: 0, keep: 0 }, required: true, ...rest };
  };
  const opened = async (audit: AuditConfig | undefined): Promise<AuditTrail> => {
    const write = (line: string): void => {
      err += line;
    };
    const out = { write, flush: () => undefined };
    const errorLog = new ErrorLog(out, new LogHub(), { level: 0, format: "text" });
    trail = await AuditTrail.open(configOf(audit), { errorLog, version: "test" });
    return trail;
  };
  const reload = async (audit: AuditConfig | undefined): Promise<void> =>
    (await trail?.stage(configOf(audit)))?.use();
  const failure = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => undefined,
      (error: unknown) => error,
    );

  it("does nothing without a file", async () => {
    const none = await opened(undefined);
    await none.append(sampleMembers(1));
    none.record(sampleMembers(2));
    await none.rotate();
    expect(none.figures()).to.equal(undefined);
    expect(none.isOn).to.equal(false);
  });

  it("keeps the file over a reload, moves to another, and ends with none", async () => {
    const one = await opened(auditOf());
    await one.append(sampleMembers(1));
    await reload(auditOf({ required: false }));
    await one.append(sampleMembers(2));
    const other = join(site.folder, "other.log");
    await reload(auditOf({ path: other }));
    await one.append(sampleMembers(3));
    await until("the first is closed", async () => (await site.text()).includes('"reason":"close"'));
    await reload(undefined);
    await one.append(sampleMembers(4));
    await until("the second is closed", async () =>
      (await site.text("other.log")).includes('"reason":"close"'),
    );
    const types = async (name: string): Promise<unknown[]> =>
      (await site.lines(name)).map(({ type }) => type);
    expect(await types("audit.log")).to.deep.equal(["header", "notice", "request", "request", "checkpoint"]);
    expect(await types("other.log")).to.deep.equal(["header", "notice", "request", "checkpoint"]);
    for (const path of [site.path, other]) {
      expect((await verifyFiles([path], { keys: [], heads: [] })).findings).to.deep.equal([]);
    }
  });

  it("takes another key of the same path over with a new file", async () => {
    const one = await opened(auditOf());
    await one.append(sampleMembers(1));
    await writeKey(keyFile);
    await reload(auditOf());
    await one.append(sampleMembers(2));
    await one.close();
    expect(await site.names()).to.include("audit.log.000000000001");
    const files = ["audit.log.000000000001", "audit.log"].map((name) => join(site.folder, name));
    expect((await verifyFiles(files, { keys: [], heads: [] })).findings).to.deep.equal([]);
  });

  it("refuses keys and certificates that cannot be used, and goes on as before", async () => {
    const one = await opened(auditOf());
    const other = join(site.folder, "x.key");
    await writeKey(other, "x25519");
    const notPem = join(site.folder, "text");
    await writeFile(notPem, "hello");
    const file = auditOf().file;
    const collector = {
      blocks: false,
      maxBacklogBytes: 1,
      transport: "tls",
      host: "localhost",
      port: 1,
    } as const;
    const cases: readonly (readonly [AuditConfig, RegExp])[] = [
      [
        auditOf({ file: { ...file, keyFile: other } }),
        /audit\.file\.key: .*x25519, but checkpoints are signed with Ed25519/,
      ],
      [auditOf({ file: { ...file, keyFile: notPem } }), /audit\.file\.key: /],
      [auditOf({ file: { ...file, keyFile: `${other}.none` } }), /no such file/],
      [auditOf({ path: join(site.folder, "none", "audit.log") }), /audit\.file\.path: cannot write .*ENOENT/],
      [auditOf({ syslog: { ...collector, caFile: `${other}.none` } }), /audit\.syslog\.ca: .*no such file/],
      [
        auditOf({ syslog: { ...collector, certFile: notPem, keyFile: notPem } }),
        /audit\.syslog: its certificates cannot be used/,
      ],
    ];
    for (const [audit, message] of cases) {
      const error = await failure(reload(audit));
      expect(error).to.be.instanceOf(ConfigError);
      expect(String(error)).to.match(message);
      await one.append(sampleMembers(1));
      // What only looks finds the same.
      if (audit.file.path === site.path)
        expect(await failure(checkAudit(configOf(audit)))).to.be.instanceOf(ConfigError);
    }
    expect(await checkAudit(configOf(auditOf()))).to.match(
      /audit\.log, required: signed by key [0-9a-f]{64}$/,
    );
    expect(
      String(await failure(checkAudit(configOf(auditOf({ path: join(site.folder, "none", "a") }))))),
    ).to.include("nothing can be written");
  });

  describe("with a syslog server", () => {
    let server: Server;
    let text: string;
    beforeEach(async () => {
      text = "";
      server = createServer((socket) => socket.on("data", (data) => (text += data.toString())));
      await new Promise<void>((resolve) => server.listen(join(site.folder, "log.sock"), resolve));
    });
    afterEach(() => void server.close());

    it("sends lines over a Unix socket, and stops when the configuration does not name it any more", async () => {
      const syslog = {
        blocks: false,
        maxBacklogBytes: 1e9,
        transport: "unix",
        path: join(site.folder, "log.sock"),
      } as const;
      const one = await opened(auditOf({ syslog }));
      await until("lines arrive", async () => {
        await one.append(sampleMembers(7));
        return text.includes("/v1/key/generate/k7");
      });
      expect(one.figures()?.forwarders).to.have.length(1);
      await reload(auditOf());
      expect(one.figures()?.forwarders).to.deep.equal([]);
    });

    it("refuses records while more waits than may, where that is what is wanted", async () => {
      const syslog = {
        blocks: true,
        maxBacklogBytes: 2_000,
        transport: "unix",
        path: join(site.folder, "none.sock"),
      } as const;
      const one = await opened(auditOf({ syslog }));
      let error: unknown;
      await until("records are refused", async () => {
        error ??= await failure(one.append(sampleMembers(1)));
        return error !== undefined;
      });
      expect(isKesError(error, "AUDIT_UNAVAILABLE")).to.equal(true);
      expect(err).to.match(/audit: syslog: lines cannot be sent: connect ENOENT/);
    });

    it("does not speak to a server whose certificate it does not know", async () => {
      const { createServer: createTls } = await import("node:tls");
      const certificate = selfSigned({ algorithm: "p256", sans: ["localhost"] });
      const tls = createTls({ key: certificate.keyPem, cert: certificate.certPem }, (socket) =>
        socket.on("data", (data) => (text += data.toString())),
      );
      tls.on("tlsClientError", () => undefined);
      await new Promise<void>((resolve) => tls.listen(0, "127.0.0.1", resolve));
      const address = tls.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      const syslog = {
        blocks: false,
        maxBacklogBytes: 1e9,
        transport: "tls",
        host: "localhost",
        port,
      } as const;
      const one = await opened(auditOf({ syslog }));
      await until("it fails", async () => {
        await one.append(sampleMembers(1));
        return /audit: syslog: lines cannot be sent: .*self-signed certificate/i.test(err);
      });
      expect(text).to.equal("");
      tls.close();
    });
  });
});
