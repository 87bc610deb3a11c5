import { expect } from "chai";
import { caOf, credentialsOf, serverSource, serversOf } from "../../../../src/cli/remote/environment.js";

type Env = Record<string, string>;
const noServer = { server: [] };
const noKey = { "api-key": undefined };

describe("cli/remote/environment", () => {
  const servers: readonly [env: Env, servers: readonly string[], source: string | undefined][] = [
    [{}, ["127.0.0.1:7373"], undefined],
    [{ MINIO_KES_SERVER: "a:1" }, ["a:1"], "MINIO_KES_SERVER"],
    [{ KES_SERVER: "b:1" }, ["b:1"], "KES_SERVER"],
    [
      { MINIO_KMS_KES_ENDPOINT: "https://c:1, https://d:1," },
      ["https://c:1", "https://d:1"],
      "MINIO_KMS_KES_ENDPOINT",
    ],
    [
      { MINIO_KES_SERVER: "a:1", KES_SERVER: "b:1", MINIO_KMS_KES_ENDPOINT: "c:1" },
      ["a:1"],
      "MINIO_KES_SERVER",
    ],
    // The first that is set wins, even when it is empty.
    [{ MINIO_KES_SERVER: "", KES_SERVER: "b:1" }, ["127.0.0.1:7373"], undefined],
    [{ MINIO_KES_SERVER: " , " }, ["127.0.0.1:7373"], undefined],
  ];
  for (const [env, expected, source] of servers) {
    it(`server of ${JSON.stringify(env)}: ${expected.join(" ")}`, () => {
      expect(serversOf(noServer, env)).to.deep.equal(expected);
      expect(serverSource(noServer, env)).to.equal(source);
    });
  }

  it("takes the flag before every variable", () => {
    const flags = { server: ["x:1", "y:1"] };
    expect(serversOf(flags, { MINIO_KES_SERVER: "a:1" })).to.deep.equal(["x:1", "y:1"]);
    expect(serverSource(flags, { MINIO_KES_SERVER: "a:1" })).to.equal("--server");
    expect(caOf({ ca: "flag" }, { MINIO_KES_CAPATH: "env" })).to.equal("flag");
    expect(credentialsOf({ "api-key": "flag" }, { MINIO_KES_API_KEY: "env" })).to.deep.equal({
      kind: "api-key",
      apiKey: "flag",
    });
    // A file that the environment happens to name does not contradict a flag.
    const files = { MINIO_KES_KEY_FILE: "k", MINIO_KES_CERT_FILE: "c" };
    expect(credentialsOf({ "api-key": "flag" }, files)).to.deep.equal({ kind: "api-key", apiKey: "flag" });
  });

  it("reads authorities from each of their variables, and none when it is empty", () => {
    for (const name of ["MINIO_KES_CAPATH", "KES_CAPATH", "MINIO_KMS_KES_CAPATH"]) {
      expect(caOf({ ca: undefined }, { [name]: "/ca" })).to.equal("/ca");
    }
    expect(caOf({ ca: undefined }, { MINIO_KES_CAPATH: "", KES_CAPATH: "/ca" })).to.equal(undefined);
    expect(caOf({ ca: undefined }, {})).to.equal(undefined);
  });

  const credentials: readonly [env: Env, expected: object][] = [
    [
      { MINIO_KES_API_KEY: "1", KES_API_KEY: "2" },
      { kind: "api-key", apiKey: "1" },
    ],
    [
      { KES_API_KEY: "2", MINIO_KMS_KES_API_KEY: "3" },
      { kind: "api-key", apiKey: "2" },
    ],
    [{ MINIO_KMS_KES_API_KEY: "3" }, { kind: "api-key", apiKey: "3" }],
    ...["MINIO_KES", "MINIO_KMS_KES"].map((name): [Env, object] => [
      { [`${name}_KEY_FILE`]: "k", [`${name}_CERT_FILE`]: "c" },
      { kind: "files", keyFile: "k", certFile: "c" },
    ]),
    ...["KES", "MINIO_KES"].map((name): [Env, object] => [
      { [`${name}_CLIENT_KEY`]: "k", [`${name}_CLIENT_CERT`]: "c" },
      { kind: "files", keyFile: "k", certFile: "c" },
    ]),
    // An API key that is set and empty is none.
    [
      { MINIO_KES_API_KEY: "", KES_API_KEY: "2", MINIO_KES_KEY_FILE: "k", MINIO_KES_CERT_FILE: "c" },
      { kind: "files", keyFile: "k", certFile: "c" },
    ],
  ];
  for (const [env, expected] of credentials) {
    it(`credentials of ${Object.keys(env).join(" ")}`, () => {
      expect(credentialsOf(noKey, env)).to.deep.equal(expected);
    });
  }

  const faults: readonly [env: Env, message: string][] = [
    [{}, "no API key specified. Consider setting MINIO_KES_API_KEY"],
    [
      { MINIO_KES_API_KEY: "1", MINIO_KES_KEY_FILE: "k" },
      "API key and private key file cannot be used at the same time",
    ],
    [
      { MINIO_KES_API_KEY: "1", MINIO_KES_CERT_FILE: "c" },
      "API key and certificate file cannot be used at the same time",
    ],
    [{ MINIO_KES_KEY_FILE: "k" }, "no certificate file specified. Consider setting MINIO_KES_CERT_FILE"],
    [{ MINIO_KES_CERT_FILE: "c" }, "no private key file specified. Consider setting MINIO_KES_KEY_FILE"],
  ];
  for (const [env, message] of faults) {
    it(`refuses ${Object.keys(env).join(" ") || "nothing"}: ${message}`, () => {
      expect(() => credentialsOf(noKey, env))
        .to.throw(message)
        .with.property("name", "CommandError");
    });
  }
});
