import { expect } from "chai";
import { parseSize } from "../../../src/config/size.js";
import { ConfigFolder, configText } from "../../support/configuration.js";

const FILE = "path: audit.log, key: audit.key";

describe("configuration: audit", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  const audit = async (text: string) => (await folder.load(configText(text))).audit;

  it("is absent without a file", async () => {
    for (const text of ["", "audit:\n", "audit: { file: { keep: 3 } }\n"])
      expect(await audit(text)).to.equal(undefined);
  });

  it("has the documented defaults, and paths from the working directory", async () => {
    expect(await audit(`audit: { file: { ${FILE} } }\n`)).to.deep.equal({
      file: {
        path: `${folder.path}/audit.log`,
        keyFile: `${folder.path}/audit.key`,
        maxBytes: 100 * 1024 * 1024,
        maxAgeMs: 86_400_000,
        keep: 0,
      },
      required: false,
    });
  });

  it("reads every option", async () => {
    const text = `audit:
  file: { ${FILE}, max_size: 4GB, max_age: 0s, keep: 12 }
  required: true
  syslog: { address: "tls://logs.example.com", ca: ca.pem, cert: c.pem, key: k.pem, policy: block, max_backlog: 1MiB }
  webhook: { url: "https://logs.example.com/kes", authorization: Bearer t }
`;
    const collector = { blocks: false, maxBacklogBytes: 256 * 1024 * 1024 };
    expect(await audit(text)).to.deep.include({
      required: true,
      syslog: {
        transport: "tls",
        host: "logs.example.com",
        port: 6514,
        blocks: true,
        maxBacklogBytes: 1024 * 1024,
        caFile: `${folder.path}/ca.pem`,
        certFile: `${folder.path}/c.pem`,
        keyFile: `${folder.path}/k.pem`,
      },
      webhook: { ...collector, url: "https://logs.example.com/kes", authorization: "Bearer t" },
    });
  });

  for (const [address, expected] of [
    ["tcp://[::1]:601", { transport: "tcp", host: "::1", port: 601 }],
    ["unix:/run/log.sock", { transport: "unix", path: "/run/log.sock" }],
    ["unix:///run/log.sock", { transport: "unix", path: "/run/log.sock" }],
  ] as const) {
    it(`reads ${address}`, async () => {
      const read = await audit(`audit: { file: { ${FILE} }, syslog: { address: "${address}" } }\n`);
      expect(read?.syslog).to.deep.include(expected);
    });
  }

  const refused: readonly (readonly [text: string, fault: string])[] = [
    ["audit: { required: true }", "audit.required: needs a file: set 'audit.file.path'"],
    [
      "audit: { syslog: { address: 'tcp://a:1' } }",
      "audit.syslog: needs a file, which is its spool: set 'audit.file.path'",
    ],
    [
      "audit: { webhook: { url: 'https://a' } }",
      "audit.webhook: needs a file, which is its spool: set 'audit.file.path'",
    ],
    [
      "audit: { file: { path: a } }",
      "audit.file: signs nothing: set 'audit.file.key' to an Ed25519 private key; 'kes init' makes one",
    ],
    [
      `audit: { file: { ${FILE}, max_size: big } }`,
      "audit.file.max_size: 'big' is no size; write for example 100MiB or 4GB",
    ],
    [`audit: { file: { ${FILE}, keep: -1 } }`, "audit.file.keep: '-1' is no number of files"],
    [
      `audit: { file: { ${FILE} }, syslog: { address: 'udp://a:1' } }`,
      "audit.syslog.address: 'udp://a:1' is no address; write tls://host:6514, tcp://host:port or unix:/path",
    ],
    [
      `audit: { file: { ${FILE} }, syslog: { address: 'tcp://a' } }`,
      "audit.syslog.address: 'tcp://a' is no address; write tls://host:6514, tcp://host:port or unix:/path",
    ],
    [
      `audit: { file: { ${FILE} }, webhook: { url: 'http://a' } }`,
      "audit.webhook.url: 'http://a' is no address that can be used; write https://host/path, secrets in 'authorization'",
    ],
    [
      `audit: { file: { ${FILE} }, webhook: { url: 'https://a', policy: block } }`,
      "audit.webhook.policy: block needs 'audit.required: true': nothing waits for records without it",
    ],
    [
      `audit: { file: { ${FILE} }, webhook: { url: 'https://a', cert: c } }`,
      "audit.webhook: set both 'cert' and 'key', or neither",
    ],
  ];
  for (const [text, fault] of refused) {
    it(`refuses ${text}`, async () => {
      const faults = await folder.faults(configText(`${text}\n`));
      expect(faults.map((one) => one.replace(/^kes\.yml:\d+:\d+: /, ""))).to.deep.equal([fault]);
    });
  }
});

describe("parseSize", () => {
  for (const [text, bytes] of [
    ["0", 0],
    ["4096", 4096],
    ["1KiB", 1024],
    ["1 kb", 1000],
    ["100MiB", 104_857_600],
    ["2TB", 2e12],
    ["", undefined],
    ["MiB", undefined],
    ["1.5GiB", undefined],
    ["-1", undefined],
    ["1XB", undefined],
    ["999999999999999TiB", undefined],
  ] as const) {
    it(`'${text}' is ${bytes}`, () => expect(parseSize(text)).to.equal(bytes));
  }
});
