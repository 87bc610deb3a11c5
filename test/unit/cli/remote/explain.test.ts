import { expect } from "chai";
import { CommandError } from "../../../../src/cli/command.js";
import { type About, explain, type Place } from "../../../../src/cli/remote/explain.js";
import { type ErrorCode, errorCatalogue, KesError } from "../../../../src/errors.js";
import { captured } from "../../../support/captured-output.js";

const IDENTITY = "3".repeat(64);
const options = {
  ...{ server: [], "api-key": undefined, ca: undefined },
  ...{ insecure: false, timeout: undefined, enclave: undefined },
};
const client = {
  identity: IDENTITY,
  async *listKeys() {
    yield "my-key";
  },
};

/** The hints at an error, one a line. */
async function hints(
  code: ErrorCode,
  about: About = {},
  place: Partial<Place> & { env?: Record<string, string>; cause?: string } = {},
): Promise<string> {
  const { env = {}, cause, ...rest } = place;
  const error = new KesError(code, ["A", "B"], cause === undefined ? {} : { cause: { code: cause } });
  const { context } = captured({ env });
  const explained = await explain(error, about, { context, options, client, ...rest });
  expect(explained).to.be.instanceOf(CommandError);
  return explained.hints.join("\n");
}

describe("cli/remote/explain", () => {
  it("says what could not be done before why, for every code", async () => {
    const { context } = captured();
    for (const code of Object.keys(errorCatalogue) as ErrorCode[]) {
      const error = new KesError(code, ["A", "B"]);
      const explained = await explain(error, { what: "failed to X", key: "k" }, { context, options, client });
      const isSetUp = code === "CLIENT_OPTIONS_INVALID" || code === "CREDENTIALS_INVALID";
      expect(explained.message).to.equal(isSetUp ? error.message : `failed to X: ${error.message}`);
      expect(explained.cause).to.equal(error);
      expect((await explain(error, {}, { context, options })).message).to.equal(error.message);
    }
  });

  it("no server reachable: the address and who names it", async () => {
    for (const code of [
      "ENDPOINT_UNREACHABLE",
      "CALL_TIMEOUT",
      "ANSWER_INVALID",
      "PATH_NOT_FOUND",
    ] as const) {
      expect(await hints(code)).to.include(
        "neither --server nor MINIO_KES_SERVER names a server: 127.0.0.1:7373 is the default",
      );
      const env = { MINIO_KMS_KES_ENDPOINT: "https://a:1,https://b:2" };
      expect(await hints(code, {}, { env })).to.include(
        "MINIO_KMS_KES_ENDPOINT names https://a:1, https://b:2",
      );
      expect(await hints(code, {}, { env, server: "b:2" })).to.include("MINIO_KMS_KES_ENDPOINT names b:2:");
      const flags = { ...options, server: ["c:3"] };
      expect(await hints(code, {}, { env, options: flags })).to.include("--server names c:3");
    }
    expect(await hints("CALL_TIMEOUT")).to.include("--timeout");
  });

  it("a connection that the server closed: that it may not like the client's certificate", async () => {
    for (const cause of ["ECONNRESET", "EPIPE"]) {
      expect(await hints("ENDPOINT_UNREACHABLE", {}, { cause }))
        .to.include("'tls.auth: on'")
        .and.include(IDENTITY);
    }
    expect(await hints("ENDPOINT_UNREACHABLE", {}, { cause: "ECONNREFUSED" })).not.to.include("tls.auth");
  });

  it("a proxy in between: the variable, not its value, which may hold a password", async () => {
    for (const code of ["ENDPOINT_UNREACHABLE", "CALL_TIMEOUT", "ANSWER_INVALID"] as const) {
      const text = await hints(code, {}, { env: { HTTPS_PROXY: "http://me:secret@proxy:3128" } });
      expect(text).to.include("HTTPS_PROXY is set").and.include("NO_PROXY").and.not.include("secret");
      expect(await hints(code)).not.to.include("PROXY");
    }
  });

  it("an unknown authority: how to name it and how to come by it", async () => {
    for (const cause of ["DEPTH_ZERO_SELF_SIGNED_CERT", "UNABLE_TO_VERIFY_LEAF_SIGNATURE"]) {
      const text = await hints("SERVER_UNTRUSTED", {}, { cause, env: { KES_SERVER: "kes.example:7000" } });
      expect(text)
        .to.include("--ca FILE (or MINIO_KES_CAPATH)")
        .and.include("server.crt")
        .and.include("-k skips");
      expect(text).to.include("openssl s_client -showcerts -connect kes.example:7000 </dev/null");
    }
    const cause = "DEPTH_ZERO_SELF_SIGNED_CERT";
    const wrong = await hints("SERVER_UNTRUSTED", {}, { cause, env: { KES_CAPATH: "/my/ca.pem" } });
    expect(wrong).to.include("nothing but '/my/ca.pem' is trusted");
  });

  const hosts: readonly [server: string, connect: string][] = [
    ["kes", "kes:7373"],
    ["https://kes", "kes:443"],
    ["http://kes:80", "kes:80"],
    ["[::1]:7", "[::1]:7"],
    ["a b", "HOST:PORT"],
  ];
  for (const [server, connect] of hosts) {
    it(`the certificate of ${server} is to be had from ${connect}`, async () => {
      const place = { cause: "SELF_SIGNED_CERT_IN_CHAIN", options: { ...options, server: [server] } };
      expect(await hints("SERVER_UNTRUSTED", {}, place)).to.include(` -connect ${connect} <`);
    });
  }

  it("another fault of the server's certificate is not mended by a CA", async () => {
    for (const cause of ["ERR_TLS_CERT_ALTNAME_INVALID", "CERT_HAS_EXPIRED"]) {
      expect(await hints("SERVER_UNTRUSTED", {}, { cause })).not.to.include("--ca");
    }
  });

  it("a client certificate that is not accepted: whose it is and where it comes from", async () => {
    expect(await hints("CERTIFICATE_REFUSED"))
      .to.include(IDENTITY)
      .and.include("MINIO_KES_CERT_FILE")
      .and.include("tls.ca");
    expect(await hints("CERTIFICATE_REQUIRED")).to.include("tls.proxy");
  });

  it("no permission: the path to allow, and the command that shows why", async () => {
    const about = { what: "failed to X", path: "/v1/key/create/my-key" };
    expect((await hints("NOT_AUTHORIZED", about)).split("\n")).to.deep.equal([
      `to allow it, add '/v1/key/create/my-key' to 'allow' of the policy of identity ${IDENTITY}`,
      `this shows why: kes policy explain --identity ${IDENTITY} --path /v1/key/create/my-key`,
    ]);
    expect(await hints("NOT_AUTHORIZED", { path: "/v1/key/list/*" })).to.match(
      / --path '\/v1\/key\/list\/\*'$/,
    );
    expect(await hints("NOT_AUTHORIZED", { path: "/v1/key/list/it's" })).to.match(/list\/it'\\''s'$/);
    expect(await hints("NOT_AUTHORIZED")).to.equal(`asked as identity ${IDENTITY}`);
    const nobody = { ...client, identity: undefined };
    expect(await hints("NOT_AUTHORIZED", about, { client: nobody })).not.to.include("explain");
  });

  it("an unknown key: names like it", async () => {
    expect(await hints("KEY_NOT_FOUND", { key: "my-kye" })).to.equal("keys with similar names: my-key");
    expect(await hints("KEY_NOT_FOUND")).to.equal("");
  });
});
