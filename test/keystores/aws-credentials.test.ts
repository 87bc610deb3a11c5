/** Where the keystore takes its credentials from, and that each goes to the service it is for. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { AwsOptions } from "../../keystores/aws-secrets-manager/config.js";
import type { AwsEnvironment } from "../../keystores/aws-secrets-manager/environment.js";
import { realEnvironment } from "../../keystores/aws-secrets-manager/index.js";
import { openAws } from "../../keystores/aws-secrets-manager/open.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { awsError, awsTarget } from "../support/aws-answers.js";
import { CleanUp } from "../support/clean-up.js";
import { FaultProxy } from "../support/fault-proxy.js";
import { causesOf, codeOf, errorOf, named } from "../support/keystore.js";
import { Moto, REGION } from "../support/moto.js";
import { setVariables } from "../support/process-environment.js";
import { requireService } from "../support/services/index.js";

const key = named("key");

describe("keystores/aws-secrets-manager: credentials", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const each = new CleanUp();
  let folder: string;
  let moto: Moto;
  let proxy: FaultProxy;
  /** Of each request: the access key, and the session token. */
  let signed: { accessKey: string | undefined; region: string | undefined; token: string | undefined }[];
  /** Requests that are none to Secrets Manager. */
  let strange: number;

  before(async function () {
    const program = requireService(this, "moto");
    folder = await mkdtemp(join(tmpdir(), "keswick-moto-credentials-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    moto = await Moto.start(program, folder);
    cleanUp.add(() => moto.stop());
    proxy = await FaultProxy.start(moto.url);
    cleanUp.add(() => proxy.stop());
  });
  beforeEach(async () => {
    await moto.reset();
    await moto.create("key", "value");
    signed = [];
    strange = 0;
    refuseFor(() => undefined);
  });
  afterEach(() => each.run());
  after(() => cleanUp.run());

  /** Notes each request down; `refusal` names the error of one with that access key. */
  function refuseFor(refusal: (accessKey: string) => string | undefined): void {
    proxy.script = (_, __, headers) => {
      if (awsTarget(headers) === undefined) strange++;
      const [, accessKey, region] =
        /Credential=(\w+)\/\d+\/([\w-]+)\/secretsmanager\//.exec(headers.authorization ?? "") ?? [];
      const token = headers["x-amz-security-token"];
      signed.push({ accessKey, region, token: typeof token === "string" ? token : undefined });
      const type = refusal(accessKey ?? "");
      return type === undefined ? undefined : awsError(400, type, "it is no good");
    };
  }

  function variables(set: Readonly<Record<string, string>>): void {
    const restore = setVariables("AWS_", {
      AWS_EC2_METADATA_DISABLED: "true",
      AWS_SHARED_CREDENTIALS_FILE: join(folder, "no-credentials"),
      AWS_CONFIG_FILE: join(folder, "no-config"),
      ...set,
    });
    each.add(async () => restore());
  }

  async function open(
    options: Partial<AwsOptions> = {},
    env: Partial<AwsEnvironment> = {},
    warnings: string[] = [],
  ): Promise<Keystore> {
    const store = await openAws({ endpoint: proxy.url, ...options }, (text) => warnings.push(text), {
      ...realEnvironment,
      variables: {},
      wait: async () => {},
      ...env,
    });
    each.add(() => store.close());
    return store;
  }

  async function credentialsFile(accessKey: string): Promise<string> {
    const path = join(folder, "credentials");
    await writeFile(path, `[default]\naws_access_key_id = ${accessKey}\naws_secret_access_key = s\n`);
    return path;
  }

  it("of the configuration, with a session token", async () => {
    variables({ AWS_ACCESS_KEY_ID: "AKIDENV", AWS_SECRET_ACCESS_KEY: "s" });
    const credentials = { accesskey: "AKIDCONFIG", secretkey: "s", token: "the-token" };
    const store = await open({ region: "eu-central-1", credentials });
    await store.status();
    expect(signed).to.deep.equal([{ accessKey: "AKIDCONFIG", region: "eu-central-1", token: "the-token" }]);
  });

  it("of the configuration must be whole", async () => {
    variables({});
    for (const [credentials, missing] of [
      [{ accesskey: "a" }, "secretkey"],
      [{ secretkey: "s" }, "accesskey"],
      [{ token: "t" }, "accesskey"],
    ] as const)
      expect(causesOf(await errorOf(open({ region: REGION, credentials })))).to.equal(
        `aws: 'credentials.${missing}' is missing`,
      );
  });

  it("of the environment, with its region", async () => {
    variables({ AWS_ACCESS_KEY_ID: "AKIDENV", AWS_SECRET_ACCESS_KEY: "s", AWS_REGION: "ap-south-1" });
    await (await open()).status();
    expect(signed).to.deep.equal([{ accessKey: "AKIDENV", region: "ap-south-1", token: undefined }]);
  });

  it("of a file that is rewritten are read again when AWS refuses the old ones, at most every 10 s", async () => {
    let clock = 0;
    variables({ AWS_SHARED_CREDENTIALS_FILE: await credentialsFile("AKIDOLD") });
    const store = await open({ region: REGION }, { now: () => clock });
    expect(Buffer.from(await store.get(key)).toString()).to.equal("value");
    refuseFor((accessKey) => (accessKey === "AKIDOLD" ? "ExpiredTokenException" : undefined));
    signed = [];
    for (let i = 0; i < 3; i++) expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNAVAILABLE");
    // One of them twice: the first asked for new ones and got the same.
    expect(signed).to.have.length(4);
    await credentialsFile("AKIDNEW");
    expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNAVAILABLE");
    clock = 10_001;
    expect(Buffer.from(await store.get(key)).toString()).to.equal("value");
    expect(signed.at(-1)?.accessKey).to.equal("AKIDNEW");
  });

  it("that nobody has are an outage that says so, and nothing is sent", async () => {
    variables({});
    const store = await open({ region: REGION });
    for (const call of [
      () => store.status(),
      () => store.get(key),
      () => store.create(named("new"), Buffer.of(1)),
    ]) {
      const error = await errorOf(call());
      expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(error)).to.include("no credentials").and.include("set 'credentials'");
    }
    expect(signed).to.deep.equal([]);
  });

  it("no region is found at start", async () => {
    variables({});
    expect(causesOf(await errorOf(open()))).to.include("set 'region', or AWS_REGION");
  });

  describe("by web identity", () => {
    let sts: Server;
    let asked: string[];
    let status: number;

    beforeEach(async () => {
      asked = [];
      status = 200;
      sts = createServer(async (request, response) => {
        let body = "";
        for await (const chunk of request) body += chunk;
        asked.push(body);
        response.writeHead(status, { "content-type": "text/xml" });
        response.end(status === 200 ? assumedRole(asked.length) : REFUSED);
      });
      await new Promise<void>((resolve) => sts.listen(0, "127.0.0.1", resolve));
      each.add(
        () =>
          new Promise<void>((resolve) => {
            sts.close(() => resolve());
            sts.closeAllConnections();
          }),
      );
      const { port } = sts.address() as AddressInfo;
      const token = join(folder, "web-token");
      await writeFile(token, "web-identity-token");
      variables({
        AWS_WEB_IDENTITY_TOKEN_FILE: token,
        AWS_ROLE_ARN: "arn:aws:iam::123456789012:role/kes",
        AWS_ENDPOINT_URL_STS: `http://127.0.0.1:${port}`,
      });
    });

    it("come from STS and not from the endpoint of Secrets Manager", async () => {
      const store = await open({ region: REGION });
      expect(Buffer.from(await store.get(key)).toString()).to.equal("value");
      await store.status();
      expect(asked).to.have.length(1);
      expect(asked[0]).to.include("Action=AssumeRoleWithWebIdentity").and.include("web-identity-token");
      expect(strange).to.equal(0);
      expect(new Set(signed.map(({ accessKey, token }) => `${accessKey} ${token}`))).to.deep.equal(
        new Set(["ASIAROLE1 session1"]),
      );
    });

    it("are asked for anew when AWS says that they have expired", async () => {
      const store = await open({ region: REGION });
      refuseFor((accessKey) => (accessKey === "ASIAROLE1" ? "ExpiredTokenException" : undefined));
      const values = await Promise.all(Array.from({ length: 10 }, () => store.get(key)));
      expect(values.every((value) => Buffer.from(value).toString() === "value")).to.equal(true);
      expect(asked).to.have.length(2);
    });

    it("that STS refuses are an outage in its words, without the token", async () => {
      status = 400;
      const error = await errorOf((await open({ region: REGION })).get(key));
      expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(error)).to.include("InvalidIdentityToken").and.not.include("web-identity-token");
      expect(signed).to.deep.equal([]);
    });

    it("are an outage of the network when STS is not there", async () => {
      await new Promise<void>((resolve) => sts.close(() => resolve()));
      const store = await open({ region: REGION });
      expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNREACHABLE");
      expect(await codeOf(store.create(named("new"), Buffer.of(1)))).to.equal("KEYSTORE_UNREACHABLE");
      expect(signed).to.deep.equal([]);
    });
  });
});

const REFUSED =
  '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>' +
  "<Code>InvalidIdentityToken</Code><Message>No OpenIDConnect provider found</Message></Error></ErrorResponse>";

function assumedRole(number: number): string {
  const expiration = new Date(Date.now() + 3_600_000).toISOString();
  return (
    '<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' +
    "<AssumeRoleWithWebIdentityResult><Credentials>" +
    `<AccessKeyId>ASIAROLE${number}</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>` +
    `<SessionToken>session${number}</SessionToken><Expiration>${expiration}</Expiration>` +
    "</Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
  );
}
