/** Each weakness of KES with AWS (KES keystore reference §7), held against moto behind a proxy that fails. */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { AwsOptions } from "../../keystores/aws-secrets-manager/config.js";
import type { AwsEnvironment } from "../../keystores/aws-secrets-manager/environment.js";
import { realEnvironment } from "../../keystores/aws-secrets-manager/index.js";
import { openAws } from "../../keystores/aws-secrets-manager/open.js";
import { awsPermissions } from "../../keystores/aws-secrets-manager/permissions.js";
import type { Keystore } from "../../src/keystore/contract.js";
import { awsError, awsTarget } from "../support/aws-answers.js";
import { CleanUp } from "../support/clean-up.js";
import { type Fault, FaultProxy } from "../support/fault-proxy.js";
import { causesOf, codeOf, errorOf, named, OUTAGE } from "../support/keystore.js";
import { CREDENTIALS, Moto, REGION } from "../support/moto.js";
import { requireService } from "../support/services/index.js";

const VALUE = Buffer.from("first value");
const OTHER = Buffer.from("another value");
const key = named("key");
/** Of an attempt that meets a server that hangs; others get as much time as a busy machine may need. */
const SHORT_MS = 500;

function timeOf(fault: Fault): Partial<AwsEnvironment> {
  return fault === "hang" || fault === "hang after it" ? { attemptTimeoutMs: SHORT_MS } : {};
}

describe("keystores/aws-secrets-manager: faults", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const each = new CleanUp();
  let moto: Moto;
  let proxy: FaultProxy;

  before(async function () {
    const program = requireService(this, "moto");
    const folder = await mkdtemp(join(tmpdir(), "keswick-moto-faults-"));
    cleanUp.add(() => rm(folder, { recursive: true, force: true }));
    moto = await Moto.start(program, folder);
    cleanUp.add(() => moto.stop());
    proxy = await FaultProxy.start(moto.url);
    cleanUp.add(() => proxy.stop());
  });
  beforeEach(async () => {
    await moto.reset();
    proxy.script = () => undefined;
  });
  afterEach(() => each.run());
  after(() => cleanUp.run());

  /** Waits that pass at once, noted down. */
  function waits(): { noted: number[]; wait: AwsEnvironment["wait"] } {
    const noted: number[] = [];
    return {
      noted,
      async wait(ms, signal) {
        signal?.throwIfAborted();
        noted.push(ms);
      },
    };
  }

  async function open(
    options: Partial<AwsOptions> = {},
    env: Partial<AwsEnvironment> = {},
    warnings: string[] = [],
  ): Promise<Keystore> {
    const store = await openAws(
      { endpoint: proxy.url, region: REGION, credentials: CREDENTIALS, ...options },
      (text) => warnings.push(text),
      {
        ...realEnvironment,
        variables: {},
        random: () => 0.5,
        wait: waits().wait,
        attemptTimeoutMs: 10_000,
        ...env,
      },
    );
    each.add(() => store.close());
    return store;
  }

  /** The first `count` calls of `action` meet the fault. @returns how many met it so far */
  function strike(action: string, fault: Fault, count = Number.POSITIVE_INFINITY): () => number {
    let struck = 0;
    proxy.script = (_, __, headers) =>
      awsTarget(headers) === action && struck < count && ++struck > 0 ? fault : undefined;
    return () => struck;
  }

  const throttled = awsError(400, "ThrottlingException", "Rate exceeded");
  const broken = awsError(500, "InternalServiceError", "An error occurred on the server side.");

  describe("create", () => {
    for (const fault of ["lose the answer", "cut the answer", "hang after it"] as const) {
      it(`is done when AWS did it and we ${fault}`, async () => {
        const store = await open({}, timeOf(fault));
        strike("CreateSecret", fault, 1);
        await store.create(key, VALUE);
        expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      });

      it(`is done when AWS did it and each time we ${fault}: the secret is read`, async () => {
        const store = await open({}, timeOf(fault));
        strike("CreateSecret", fault);
        await store.create(key, VALUE);
        expect(await moto.text("key")).to.equal("first value");
      });

      it(`of a key that was there is refused, though we ${fault}`, async () => {
        const store = await open({}, timeOf(fault));
        await store.create(key, OTHER);
        strike("CreateSecret", fault);
        expect(await codeOf(store.create(key, VALUE))).to.equal("KEY_EXISTS");
        expect(await moto.text("key")).to.equal("another value");
      });
    }

    it("is done when a proxy sends it twice: both ask for the same version", async () => {
      const store = await open();
      const struck = strike("CreateSecret", "double the request");
      expect(await codeOf(store.create(key, VALUE))).to.equal("fulfilled");
      expect(struck()).to.equal(1);
      const { VersionIdsToStages } = await moto.describe("key");
      expect(Object.keys(VersionIdsToStages ?? {})).to.have.length(1);
    });

    it("has an unknown outcome when every answer is lost and nothing can be read", async () => {
      const store = await open();
      proxy.script = () => "lose the answer";
      expect(await codeOf(store.create(key, VALUE))).to.equal("KEYSTORE_UNCERTAIN");
    });

    for (const [what, fault] of Object.entries<Fault>({
      "an error of AWS": broken,
      "a page of a proxy": { status: 502 },
      "a success in HTML": { status: 200 },
      "a success that names nothing": { status: 200, body: "{}" },
      "a success of another secret": { status: 200, body: '{"Name":"other","VersionId":"x"}' },
    })) {
      it(`has an unknown outcome when ${what} is all that is heard and no secret is seen`, async () => {
        const store = await open();
        const struck = strike("CreateSecret", fault);
        expect(await codeOf(store.create(key, VALUE))).to.equal("KEYSTORE_UNCERTAIN");
        expect(struck()).to.equal(3);
      });
    }

    it("changed nothing when AWS was not reached", async () => {
      const gone = await FaultProxy.start(moto.url);
      await gone.stop();
      const store = await open({ endpoint: gone.url });
      for (const call of [
        () => store.create(key, VALUE),
        () => store.delete(key),
        () => store.get(key),
        () => store.status(),
      ])
        expect(await codeOf(call())).to.equal("KEYSTORE_UNREACHABLE");
    });

    it("loses a race as 'key exists'", async () => {
      const store = await open();
      await moto.create("key", "theirs");
      expect(await codeOf(store.create(key, VALUE))).to.equal("KEY_EXISTS");
    });

    it("says that a name waits for deletion, in AWS's words too", async () => {
      const store = await open();
      strike(
        "CreateSecret",
        awsError(
          400,
          "InvalidRequestException",
          "You can't create this secret because a secret with this name is already scheduled for deletion.",
        ),
      );
      const error = await errorOf(store.create(key, VALUE));
      expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
      expect(causesOf(error)).to.include("restore-secret --secret-id key");
    });
  });

  describe("throttling", () => {
    it("is waited out, longer each time", async () => {
      const { noted, wait } = waits();
      const store = await open({}, { wait });
      strike("CreateSecret", throttled, 2);
      await store.create(key, VALUE);
      expect(noted).to.deep.equal([500, 1_000]);
      strike("GetSecretValue", throttled, 2);
      expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      expect(noted).to.deep.equal([500, 1_000, 500, 1_000]);
    });

    it("is an outage after which nothing has changed", async () => {
      const store = await open();
      await moto.create("there", "x");
      for (const action of ["CreateSecret", "GetSecretValue", "DeleteSecret", "ListSecrets"])
        for (const fault of [throttled, awsError(429, "TooManyRequestsException", "slow down")]) {
          const struck = strike(action, fault);
          const call = {
            CreateSecret: () => store.create(key, VALUE),
            GetSecretValue: () => store.get(named("there")),
            DeleteSecret: () => store.delete(named("there")),
            ListSecrets: () => store.list({ prefix: "", limit: 1 }),
          }[action];
          const error = await errorOf(call?.() ?? Promise.resolve());
          expect(error, action).to.have.property("code", "KEYSTORE_UNAVAILABLE");
          expect(causesOf(error)).to.match(/Rate exceeded|slow down/);
          expect(struck()).to.equal(3);
        }
      proxy.script = () => undefined;
      expect(await codeOf(store.get(key))).to.equal("KEY_NOT_FOUND");
      expect(await codeOf(store.get(named("there")))).to.equal("fulfilled");
    });

    it("waits as long as AWS asks, up to five seconds", async () => {
      const { noted, wait } = waits();
      const store = await open({}, { wait });
      strike("GetSecretValue", { ...throttled, headers: { ...throttled.headers, "retry-after": "3" } }, 1);
      await codeOf(store.get(key));
      strike("GetSecretValue", { ...throttled, headers: { ...throttled.headers, "retry-after": "900" } }, 1);
      await codeOf(store.get(key));
      expect(noted).to.deep.equal([3_000, 5_000]);
    });
  });

  describe("an outage is never 'key does not exist'", () => {
    const absent = "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT";
    const answers: Record<string, Fault> = {
      "404 in HTML": { status: 404 },
      "404 of another API": { status: 404, body: '{"message":"not found"}' },
      "404 without anything": { status: 404, body: "" },
      "200 in HTML": { status: 200 },
      "200 without a value": { status: 200, body: '{"Name":"key","VersionId":"keswick-1"}' },
      "200 of another secret": {
        status: 200,
        body: '{"Name":"other","VersionId":"keswick-1","SecretString":"x"}',
      },
      "9 MiB": { status: 200, body: `{"Name":"key","SecretString":"${"x".repeat(9 * 1024 * 1024)}"}` },
      "an empty secret": { status: 200, body: '{"Name":"key","VersionId":"keswick-1","SecretString":""}' },
      "a secret without current version": awsError(400, "ResourceNotFoundException", absent),
      "a redirect": { status: 307, headers: { location: "http://127.0.0.1:1/" } },
      "500 of AWS": broken,
      "503 in HTML": { status: 503 },
      throttling: throttled,
      "half an answer": "cut the answer",
      "no answer": "hang",
      "a closed connection": "lose the request",
    };
    for (const [what, fault] of Object.entries(answers)) {
      it(what, async () => {
        const store = await open({}, timeOf(fault));
        await moto.create("key", "theirs");
        strike("GetSecretValue", fault);
        expect(await codeOf(store.get(key))).to.be.oneOf([...OUTAGE]);
      });
    }
  });

  describe("refusals", () => {
    const cases: readonly (readonly [
      action: "get" | "create" | "delete" | "list" | "status",
      type: string,
      text: string,
      says: RegExp,
    ])[] = [
      [
        "get",
        "AccessDeniedException",
        "User: arn:… is not authorized to perform",
        /secretsmanager:GetSecretValue/,
      ],
      ["create", "AccessDeniedException", "no identity-based policy allows", /secretsmanager:CreateSecret/],
      ["create", "AccessDeniedException", "… perform: secretsmanager:TagResource", /:TagResource/],
      ["delete", "AccessDeniedException", "no identity-based policy allows", /secretsmanager:DeleteSecret/],
      ["list", "AccessDeniedException", "no identity-based policy allows", /secretsmanager:ListSecrets/],
      ["get", "AccessDeniedException", "Access to KMS is not allowed", /kms:Decrypt/],
      ["get", "DecryptionFailure", "Secrets Manager can't decrypt", /KMS key exists and is enabled/],
      ["create", "EncryptionFailure", "Secrets Manager can't encrypt", /KMS key exists and is enabled/],
      ["create", "LimitExceededException", "would exceed one of the quotas", /Service Quotas/],
      ["get", "ExpiredTokenException", "The security token included in the request is expired", /renew them/],
      ["status", "UnrecognizedClientException", "The security token is invalid.", /check the credentials/],
      ["get", "InvalidSignatureException", "Signature expired: 1 is now earlier than 2", /set the clock/],
      ["get", "InvalidSignatureException", "should be scoped to a valid region, not 'x'", /check 'region'/],
      ["get", "InvalidSignatureException", "The signature we calculated does not match", /secret key/],
      ["get", "RequestTimeTooSkewed", "The difference between the request time", /set the clock/],
      ["get", "MissingAuthenticationTokenException", "Missing Authentication Token", /removes headers/],
    ];
    for (const [call, type, text, says] of cases) {
      it(`${type} of ${call} is an outage, and '${text}' says ${says}`, async () => {
        const store = await open();
        await moto.create("there", "x");
        proxy.script = () => awsError(400, type, text);
        const calls = {
          get: () => store.get(named("there")),
          create: () => store.create(key, VALUE),
          delete: () => store.delete(named("there")),
          list: () => store.list({ prefix: "", limit: 1 }),
          status: () => store.status(),
        };
        const error = await errorOf(calls[call]());
        expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
        expect(causesOf(error)).to.match(says).and.include(type);
        const lacking = awsPermissions({ kmskey: "1234", tags: { a: "b" } }).lacking("read", error);
        const [, action] = /(secretsmanager:\w+|kms:Decrypt)/.exec(String(says)) ?? [];
        if (type !== "AccessDeniedException") expect(lacking).to.equal(undefined);
        else expect(lacking).to.include(action ?? ":TagResource");
      });
    }

    it("AccessDeniedException of status is one when the name asked for was chosen, else a warning", async () => {
      const denied = awsError(400, "AccessDeniedException", "no identity-based policy allows");
      const warnings: string[] = [];
      const store = await open({}, {}, warnings);
      const chosen = await open({ status: { probe: "mine" } });
      proxy.script = () => denied;
      await store.status();
      await store.status();
      expect(warnings.join("\n").match(/secretsmanager:GetSecretValue/g)).to.have.length(1);
      expect(await codeOf(chosen.status())).to.equal("KEYSTORE_UNAVAILABLE");
    });

    it("tell neither values nor tokens, whatever AWS repeats", async () => {
      const token = "FwoGZXIvYXdzEJr";
      const store = await open({ credentials: { ...CREDENTIALS, token } });
      const value = Buffer.from("CAESIKsecret1234567890");
      strike(
        "CreateSecret",
        awsError(
          400,
          "ValidationException",
          `Value '${value}' at 'secretString' failed to satisfy constraint`,
        ),
      );
      const refused = await errorOf(store.create(key, value));
      strike(
        "GetSecretValue",
        awsError(
          400,
          "InvalidSignatureException",
          "The request signature we calculated does not match the signature you provided.\n\nThe Canonical String " +
            `for this request should have been\n'POST\n/\n\nx-amz-security-token:${token}\n'`,
        ),
      );
      const unsigned = await errorOf(store.get(key));
      strike("GetSecretValue", { status: 200, body: `{"Name":"key","SecretString":"${value}"` });
      const damaged = await errorOf(store.get(key));
      for (const error of [refused, unsigned, damaged]) {
        expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
        expect(causesOf(error)).to.not.match(/CAESIK|secret123|FwoGZX|wJalr/);
      }
      expect(causesOf(refused)).to.include("ValidationException: Value '…' at '…'");
    });
  });

  describe("time", () => {
    it("reads repeat over a connection that died, and end within a bound", async () => {
      const store = await open({}, timeOf("hang"));
      await store.create(key, VALUE);
      for (const fault of ["hang", "lose the request", "cut the answer", "hang after it"] as const) {
        strike("GetSecretValue", fault, 2);
        expect(Buffer.from(await store.get(key)).toString()).to.equal("first value");
      }
      strike("GetSecretValue", "hang");
      const start = performance.now();
      expect(await codeOf(store.get(key))).to.equal("KEYSTORE_UNREACHABLE");
      expect(performance.now() - start).to.be.within(3 * (SHORT_MS - 10), 10 * SHORT_MS);
    });

    it("an abort ends a call at once, and the connection with it", async () => {
      const store = await open({}, { attemptTimeoutMs: 30_000 });
      for (const call of [
        (signal: AbortSignal) => store.get(key, signal),
        (signal: AbortSignal) => store.status(signal),
        (signal: AbortSignal) => store.list({ prefix: "", limit: 1 }, signal),
      ]) {
        const abort = new AbortController();
        proxy.script = () => {
          setImmediate(() => abort.abort(new Error("the caller went away")));
          return "hang";
        };
        expect(await codeOf(call(abort.signal))).to.equal("KEYSTORE_UNREACHABLE");
      }
      const abort = new AbortController();
      let made = 0;
      proxy.script = () => {
        made++;
        setImmediate(() => abort.abort(new Error("the caller went away")));
        return "lose the answer";
      };
      expect(await codeOf(store.create(key, VALUE, abort.signal))).to.equal("KEYSTORE_UNCERTAIN");
      expect(made).to.be.greaterThan(0);
    });

    it("keeps connections: no new one for each call", async () => {
      const store = await open();
      // Of a name of its own: a create that the test before has aborted may still come.
      const kept = named("kept");
      await store.create(kept, VALUE);
      const [calls, connections] = [proxy.seen.length, proxy.connections];
      for (let i = 0; i < 50; i++) await store.get(kept);
      expect(proxy.seen.length - calls).to.equal(50);
      // A call may begin before the connection of the one before is free again.
      expect(proxy.connections - connections).to.be.lessThan(3);
    });

    it("a key of KES costs one more call the first time, and never again", async () => {
      const store = await open();
      await moto.create("key", "made by KES");
      const before = proxy.seen.length;
      for (let i = 0; i < 5; i++) await store.get(key);
      expect(proxy.seen.length - before).to.equal(6);
    });

    it("a clock that is wrong is told and made good with AWS's", async () => {
      const warnings: string[] = [];
      const store = await open({}, {}, warnings);
      await moto.create("key", "x");
      const dates: string[] = [];
      const ahead = new Date(Date.now() + 3_600_000);
      proxy.script = (_, __, headers) => {
        const date = String(headers["x-amz-date"]);
        dates.push(date);
        if (dates.length > 1) return undefined;
        const refusal = awsError(
          400,
          "InvalidSignatureException",
          "Signature expired: … is now earlier than …",
        );
        return { ...refusal, headers: { ...refusal.headers, date: ahead.toUTCString() } };
      };
      expect(Buffer.from(await store.get(key)).toString()).to.equal("x");
      expect(dates[1]?.slice(0, 11)).to.equal(ahead.toISOString().replace(/[-:]/g, "").slice(0, 11));
      expect(warnings.join("\n")).to.match(/clock of this machine is 3[56]\d\d s behind/);
    });
  });

  it("deletes twice without harm when an answer is lost", async () => {
    for (const days of [0, 7]) {
      const store = await open({ delete: { recovery_window: days } });
      await moto.reset();
      await store.create(key, VALUE);
      strike("DeleteSecret", "lose the answer", 1);
      expect(await codeOf(store.delete(key))).to.equal("fulfilled");
      expect(await codeOf(store.get(key))).to.equal("KEY_NOT_FOUND");
      strike("DeleteSecret", "lose the request");
      expect(await codeOf(store.delete(key))).to.equal("KEYSTORE_UNCERTAIN");
    }
  });

  it("which version is the key needs a permission once a value was changed twice, and says which", async () => {
    const store = await open();
    await store.create(key, VALUE);
    await moto.put("key", "one");
    await moto.put("key", "two");
    strike("ListSecretVersionIds", awsError(400, "AccessDeniedException", "no policy allows"));
    const error = await errorOf(store.get(key));
    expect(error).to.have.property("code", "KEYSTORE_UNAVAILABLE");
    expect(causesOf(error)).to.include("secretsmanager:ListSecretVersionIds");
  });

  it("a listing that does not go on is an outage, not a short listing", async () => {
    const store = await open();
    strike("ListSecrets", { status: 200, body: '{"SecretList":[{"Name":"a"}],"NextToken":"again"}' });
    expect(await codeOf(store.list({ prefix: "", limit: 10 }))).to.equal("KEYSTORE_UNAVAILABLE");
    strike("ListSecrets", { status: 200, body: "{}" });
    expect(await codeOf(store.list({ prefix: "", limit: 10 }))).to.equal("KEYSTORE_UNAVAILABLE");
  });

  it("goes by way of the proxy of the environment, unless that is exempt", async () => {
    const tunnels: string[] = [];
    const target = new URL(moto.url);
    const server = createServer();
    server.on("connect", (request, socket) => {
      tunnels.push(request.url ?? "");
      const through = connect(Number(target.port), target.hostname, () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        through.pipe(socket).pipe(through);
      });
      for (const end of [socket, through]) end.on("error", () => end.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    each.add(
      () =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    );
    const { port } = server.address() as AddressInfo;
    const variables = { HTTP_PROXY: `http://127.0.0.1:${port}`, NO_PROXY: "elsewhere.example" };
    const store = await open({ endpoint: "http://aws.example:8000" }, { variables });
    await store.create(key, VALUE);
    expect(tunnels).to.deep.equal(["aws.example:8000"]);
    await (await open({ endpoint: moto.url }, { variables })).status();
    expect(tunnels).to.have.length(1);
    await store.close();
  });
});
