import { expect } from "chai";
import {
  ConfigFolder,
  configText,
  identityOf,
  NOW_MS,
  reference,
  told,
} from "../../support/configuration.js";

const DAY_MS = 86_400_000;
const policyOf = (...identities: readonly string[]): string =>
  `policy:\n  p:\n    identities:\n${identities.map((one) => `    - ${one}`).join("\n")}`;

describe("configured identities", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
    await folder.write("a.crt", `CERT a ${NOW_MS + DAY_MS}\n`);
    await folder.write("certs/b.pem", `CERT b ${NOW_MS - DAY_MS}\n`);
    await folder.write("broken.crt", "-----BEGIN PRIVATE KEY-----\nMC4CAQ\n-----END PRIVATE KEY-----\n");
  });
  after(() => folder.remove());

  it("are hashes, API keys and certificates", async () => {
    const config = await folder.load(
      configText(policyOf(identityOf("1"), "kes:v1:2", "a.crt", "./certs/b.pem", `${folder.path}/a.crt`)),
    );
    expect(config.policies[0]?.identities).to.deep.equal(["1", "2", "a", "b"].map(identityOf));
    const [first, second] = config.certificates;
    expect(first).to.deep.equal({
      file: `${folder.path}/a.crt`,
      identity: identityOf("a"),
      notAfterMs: NOW_MS + DAY_MS,
      use: "policy.p",
    });
    expect(second?.file).to.equal(`${folder.path}/certs/b.pem`);
    expect(told(config.warnings)).to.deep.equal([
      `5:7 policy.p.identities[1] an API key is a secret that this file should not hold; write its identity: ${identityOf("2")}`,
      "7:7 policy.p.identities[3] the certificate './certs/b.pem' expired on 2024-12-31; its holder needs a new one",
      "8:7 policy.p.identities[4] stands in this list twice",
    ]);
  });

  it("may be an API key from the environment without a warning", async () => {
    const config = await folder.load(configText(policyOf(reference("KEY"))), { env: { KEY: "kes:v1:7" } });
    expect(config.policies[0]?.identities).to.deep.equal([identityOf("7")]);
    expect(config.warnings).to.deep.equal([]);
  });

  it("are lower case, said once", async () => {
    const config = await folder.load(configText(policyOf(identityOf("A".toLowerCase()).toUpperCase())));
    expect(config.policies[0]?.identities).to.deep.equal([identityOf("a")]);
    expect(told(config.warnings)).to.deep.equal([
      "4:7 policy.p.identities[0] identities are lower-case hex; it is read as if it were",
    ]);
  });

  it("that no certificate can have are left out with a warning", async () => {
    const config = await folder.load(configText(policyOf("placeholder", "~", identityOf("3"))));
    expect(config.policies[0]?.identities).to.deep.equal([identityOf("3")]);
    expect(told(config.warnings)).to.deep.equal([
      "4:7 policy.p.identities[0] 'placeholder' is no identity and matches no certificate; it is left out",
    ]);
  });

  it("are refused when their file or API key cannot be read, without telling what is in it", async () => {
    const faults = await folder.faults(configText(policyOf("none.crt", "broken.crt", "kes:v1:secret-thing")));
    const hint =
      "(an identity is 64 hex digits, or the path of a certificate relative to the working directory)";
    expect(faults).to.deep.equal([
      `kes.yml:4:7: policy.p.identities[0]: cannot read the certificate file 'none.crt': no such file ${hint}`,
      `kes.yml:5:7: policy.p.identities[1]: cannot read the certificate file 'broken.crt': it holds no certificate in PEM form ${hint}`,
      "kes.yml:6:7: policy.p.identities[2]: this is not a valid API key; write the identity that 'kes identity of' prints for it",
    ]);
  });

  it("are one role each, however they are written", async () => {
    const text = configText(policyOf("a.crt"), { admin: `admin: { identity: ${identityOf("a")} }\n` });
    expect((await folder.faults(text))[0]).to.match(
      /^kes\.yml:4:7: .*invalid policy 'p': identity 'a{64}' is alr/,
    );
  });

  it("may be left to no admin at all", async () => {
    const admins = ["disabled", "_", "nobody"];
    for (const text of admins) {
      const config = await folder.load(configText("", { admin: `admin: { identity: ${text} }\n` }));
      expect(config.admin, text).to.deep.equal({ text });
      expect(config.warnings, text).to.deep.equal([]);
    }
  });

  it("make the admin, from a certificate too", async () => {
    const config = await folder.load(configText("", { admin: "admin: { identity: a.crt }\n" }));
    expect(config.admin).to.deep.equal({ identity: identityOf("a"), text: identityOf("a") });
    expect(config.certificates.map(({ use }) => use)).to.deep.equal(["admin"]);
  });

  it("with a slip in them switch the admin off with a warning", async () => {
    const text = identityOf("a").slice(1);
    const config = await folder.load(configText("", { admin: `admin: { identity: ${text} }\n` }));
    expect(config.admin).to.deep.equal({ text });
    expect(told(config.warnings)).to.deep.equal([
      "2:20 admin.identity looks like an identity but is not 64 hex digits (63); the admin is switched off",
    ]);
  });

  it("do not leave an API key in the configuration", async () => {
    const config = await folder.load(configText("", { admin: "admin: { identity: 'kes:v1:7' }\n" }));
    expect(JSON.stringify(config)).to.not.include("kes:v1:7");
    expect(config.admin.identity).to.equal(identityOf("7"));
  });
});
