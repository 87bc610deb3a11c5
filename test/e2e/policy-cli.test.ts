/** The policy commands against real servers, through the dispatcher, over mTLS. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import fc from "fast-check";
import { routes } from "../../src/api/routes.js";
import { commands } from "../../src/cli/commands.js";
import { run } from "../../src/cli/run.js";
import { identity as toIdentity } from "../../src/names.js";
import { explainRequest } from "../../src/server/explanation.js";
import { ApiClient } from "../support/api-client.js";
import { captured } from "../support/captured-output.js";
import { selfSigned, type TestCertificate } from "../support/certificates.js";
import { pattern, target } from "../support/policy-space.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

type Who = "admin" | "app" | "reader" | "nobody";

const STRANGER = "c".repeat(64);

describe("kes policy", function () {
  this.timeout(60_000);
  let dir: string;
  let server: TestServer;
  const app = selfSigned({ cn: "app" });
  const reader = selfSigned({ cn: "reader" });
  const nobody = selfSigned({ cn: "nobody" });

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), "keswick-policy-cli-"));
    server = await startTestServer({
      policies: {
        app: {
          allow: ["/v1/status", "/v1/key/bulk/decrypt/*", "/v1/key/decrypt/app-*", "/v1/key/*/app-*"],
          deny: ["/v1/key/decrypt/app-internal-*"],
          identities: [app.identity],
        },
        reader: {
          allow: ["/v1/policy/*", "/v1/identity/*"],
          identities: [reader.identity],
        },
        empty: {},
      },
    });
    await writeFile(join(dir, "ca.crt"), server.ca.certPem);
    for (const [name, certificate] of Object.entries({ admin: server.admin, app, reader, nobody })) {
      await writeFile(join(dir, `${name}.crt`), certificate.certPem);
      await writeFile(join(dir, `${name}.key`), certificate.keyPem, { mode: 0o600 });
    }
  });
  after(async () => {
    await server?.close();
    await rm(dir, { recursive: true, force: true });
  });

  async function kes(who: Who, argv: readonly string[], isTTY = false) {
    const env = {
      MINIO_KES_SERVER: server.url,
      MINIO_KES_CAPATH: join(dir, "ca.crt"),
      MINIO_KES_CERT_FILE: join(dir, `${who}.crt`),
      MINIO_KES_KEY_FILE: join(dir, `${who}.key`),
      TZ: "UTC",
    };
    const { context, stdout, stderr } = captured({ cwd: dir, env, isTTY });
    const code = await run(["policy", ...argv], commands, context);
    return { code, out: stdout(), err: stderr() };
  }

  const created = (): string => new Date(server.server.state.services.directory.createdAtMs).toISOString();

  it("ls lists names; with --json nothing but JSON", async () => {
    expect(await kes("reader", ["ls"])).to.deep.equal({
      code: 0,
      out: "Policy\napp\nempty\nreader\n",
      err: "",
    });
    expect((await kes("reader", ["ls", "a*"])).out).to.equal("Policy\napp\n");
    expect((await kes("reader", ["ls", "x"])).out).to.equal("");
    expect((await kes("reader", ["ls", "--json"])).out).to.equal('["app","empty","reader"]\n');
    expect((await kes("reader", ["ls", "x", "--json"])).out).to.equal("[]\n");
    expect((await kes("reader", ["ls"], true)).out).to.equal("\x1b[4mPolicy\x1b[24m\napp\nempty\nreader\n");
  });

  it("info tells when and by whom", async () => {
    const { out } = await kes("reader", ["info", "app"]);
    const lines =
      /^Name {8}app\nDate {8}(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\nCreated by {2}([0-9a-f]{64})\n$/.exec(out);
    expect(lines?.[2], out).to.equal(server.admin.identity);
    expect(Math.abs(new Date(lines?.[1] ?? "").getTime() - new Date(created()).getTime())).to.be.below(1000);
    const json = JSON.parse((await kes("reader", ["info", "app", "--json"])).out);
    expect(Object.keys(json)).to.deep.equal(["name", "created_at", "created_by"]);
    expect([json.name, json.created_by]).to.deep.equal(["app", server.admin.identity]);
    expect((await kes("reader", ["info", "app", "--json"], true)).out).to.match(/^\{\n {2}"name": "app",\n/);
  });

  it("show gives the rules in a stable order", async () => {
    const { out } = await kes("reader", ["show", "app"]);
    const allow = ["/v1/key/*/app-*", "/v1/key/bulk/decrypt/*", "/v1/key/decrypt/app-*", "/v1/status"];
    const shown = JSON.parse(out);
    expect(out).to.match(/^\{"allow":\{.*\},"deny":\{.*\},"created_at":".*","created_by":".*"\}\n$/);
    expect(Object.keys(shown.allow)).to.deep.equal(allow);
    expect(shown.deny).to.deep.equal({ "/v1/key/decrypt/app-internal-*": {} });
    expect(JSON.parse((await kes("reader", ["show", "empty"])).out)).to.deep.include({ allow: {}, deny: {} });
    const terminal = await kes("reader", ["show", "app", "--color", "never"], true);
    const list = allow.map((one) => `  · ${one}\n`).join("");
    expect(
      terminal.out.startsWith(`Allow:\n${list}\nDeny:\n  · /v1/key/decrypt/app-internal-*\n\nCreated at: `),
    ).to.equal(true, terminal.out);
    expect(terminal.out).to.match(/\nCreated by: [0-9a-f]{64}\n$/);
    expect((await kes("reader", ["show", "app", "--json"], true)).out).to.match(/^\{\n {2}"allow": \{\n/);
  });

  it("names of policies that are not there, and callers who may not ask", async () => {
    const missing = await kes("reader", ["show", "nope"]);
    expect([missing.code, missing.err.split("\n")[0]]).to.deep.equal([
      1,
      'Error: failed to show policy "nope": policy does not exist',
    ]);
    const refused = await kes("app", ["ls"]);
    expect(refused.code).to.equal(1);
    expect(refused.err).to.include("not authorized").and.include("/v1/policy/list/*");
  });

  describe("explain, by a running server", () => {
    const verdict = async (
      who: Who,
      ...argv: string[]
    ): Promise<{
      verdict: string;
      reason: string;
      code: number;
      err: string;
      changes: readonly object[];
    }> => {
      const { code, out, err } = await kes(who, ["explain", "--json", ...argv]);
      expect(out, err).to.not.equal("");
      const { verdict, reason, changes } = JSON.parse(out);
      return { verdict, reason, code, err, changes };
    };

    it("of oneself, without any permission", async () => {
      const denied = await verdict("app", "--path", "/v1/key/decrypt/app-internal-1");
      expect([denied.verdict, denied.reason, denied.code]).to.deep.equal(["denied", "deny-rule", 0]);
      const bulk = await verdict("app", "--path", "/v1/key/bulk/decrypt/app-1", "--identity", app.identity);
      expect([bulk.verdict, bulk.reason]).to.deep.equal(["allowed", "allow-rule"]);
      expect((await verdict("admin", "--path", "/v1/key/create/x")).reason).to.equal("admin");
    });

    it("of oneself without a policy", async () => {
      const denied = await verdict("nobody", "--path", "/v1/key/create/x");
      expect([denied.verdict, denied.reason, denied.code]).to.deep.equal(["denied", "no-policy", 0]);
    });

    it("of others, for who may read policies", async () => {
      const other = await verdict(
        "reader",
        "--path",
        "/v1/key/bulk/decrypt/x",
        "--identity",
        join(dir, "app.crt"),
      );
      expect([other.verdict, other.reason]).to.deep.equal(["denied", "no-rule"]);
      expect(other.changes).to.deep.equal([{ action: "add", list: "allow", pattern: "/v1/key/decrypt/x" }]);
      const stranger = await verdict("reader", "--path", "/v1/status", "--identity", STRANGER);
      expect(stranger.reason).to.equal("no-policy");
      const admin = await verdict("reader", "--path", "/v1/status", "--identity", server.admin.identity);
      expect(admin.reason).to.equal("admin");
      const refused = await kes("app", ["explain", "--path", "/v1/status", "--identity", STRANGER]);
      expect(refused.code).to.equal(1);
      expect(refused.err).to.include("failed to describe the identity").and.include("not authorized");
    });

    it("says what a server does not tell", async () => {
      const globs = await verdict("app", "--path", "/v1/key/create/app-1");
      expect([globs.verdict, globs.err]).to.satisfy(
        ([word, err]: [string, string]) =>
          word === "denied" && err.includes("'compat: globs'") && err.includes("allowed"),
      );
      expect((await verdict("app", "--path", "/v1/ready")).err).to.include("skip_auth");
      expect((await verdict("app", "--path", "/v1/status")).err).to.equal("");
    });

    it("exits as it is asked to", async () => {
      const code = async (path: string) =>
        (await kes("app", ["explain", "--exit-code", "--path", path])).code;
      expect(await code("/v1/status")).to.equal(0);
      expect(await code("/v1/key/create/x")).to.equal(3);
      expect(await code("/v1/nope")).to.equal(3);
      expect(
        (await kes("app", ["explain", "--exit-code", "--path", "/v1/status", "nope.yml"])).code,
      ).to.equal(1);
    });
  });

  describe("explain, by a file", () => {
    const explain = async (...argv: string[]) => kes("app", ["explain", ...argv]);

    before(async () => {
      await writeFile(
        join(dir, "app.yml"),
        "# rules\nallow:\n- /v1/key/decrypt/app-*\ndeny:\n- /v1/key/decrypt/app-x*\n",
      );
      await writeFile(
        join(dir, "kes.yml"),
        [
          "admin: { identity: disabled }",
          "tls: { key: server.key, cert: server.crt }",
          "api: { /v1/ready: { skip_auth: true } }",
          "policy:",
          `  app: { file: app.yml, identities: [ app.crt ] }`,
          `  old: { compat: globs, allow: [ '/v1/key/*/old-?' ], identities: [ '${STRANGER}' ] }`,
          "keystore: { fs: { path: keys } }",
          "",
        ].join("\n"),
      );
    });

    it("names the rule with file and line, and what would change it", async () => {
      const { code, out } = await explain(
        "--identity",
        "app.crt",
        "--path",
        "/v1/key/decrypt/app-x1",
        "kes.yml",
      );
      expect(out).to.equal(
        [
          "denied: /v1/key/decrypt/app-x1",
          `  identity  ${app.identity}`,
          "  policy    app",
          "  because   deny '/v1/key/decrypt/app-x*' (app.yml:5)",
          "  to allow  remove deny '/v1/key/decrypt/app-x*' (app.yml:5)",
          "",
        ].join("\n"),
      );
      expect(code).to.equal(0);
    });

    const table: readonly (readonly [argv: string[], told: RegExp])[] = [
      [
        ["--path", "/v1/key/decrypt/app-1", "app.yml"],
        /^allowed: .*\n {2}identity {2}whoever has this policy\n/,
      ],
      [
        ["--identity", STRANGER, "--path", "/v1/key/create/old-1", "kes.yml"],
        /^allowed: [\s\S]*allow '\/v1\/key\/\*\/old-\?' \(kes\.yml:6\)/,
      ],
      [
        ["--identity", STRANGER, "--path", "/v1/ready", "kes.yml"],
        /^allowed: [\s\S]*opens this route to everybody/,
      ],
      [
        ["--identity", "b".repeat(64), "--path", "/v1/key/decrypt/app-1", "kes.yml"],
        /^denied: [\s\S]*in no policy[\s\S]*to allow {2}add it to 'identities' of a policy: app\n/,
      ],
      [
        ["--path", "/v1//key/decrypt/app-1?x", "app.yml"],
        /^allowed: \/v1\/key\/decrypt\/app-1\n[\s\S]*note {6}the server redirects/,
      ],
      [
        ["--path", "/v1/key/decrypt/app-.", "app.yml"],
        /^allowed: [\s\S]*then refused all the same: key name 'app-\.' is/,
      ],
      [["--path", "/v1/nope", "app.yml"], /^no such request: [\s\S]*404 for everybody/],
    ];
    for (const [argv, told] of table) {
      it(argv.join(" ").replaceAll(/(.)\1{63}/g, "$1…"), async () =>
        expect((await explain(...argv)).out).to.match(told),
      );
    }

    const bad: readonly (readonly [argv: string[], told: RegExp])[] = [
      [["app.yml"], /^Error: no path: give it with '--path'/],
      [["--path", "/v1/status", "kes.yml"], /^Error: no identity: give it with '--identity'/],
      [["--path", "/v1/status", "--identity", "nope.crt", "kes.yml"], /^Error: cannot read 'nope\.crt'/],
      [["--path", "/v1/status", "nope.yml"], /^Error: nope\.yml: cannot read the file: no such file/],
    ];
    for (const [argv, told] of bad) {
      it(`fails: ${argv.join(" ")}`, async () => {
        const { code, err } = await explain(...argv);
        expect([code, told.test(err)], err).to.deep.equal([1, true]);
      });
    }
  });

  it("explains 3,000 random requests as the server answers them over HTTP", async () => {
    const who: TestCertificate[] = Array.from({ length: 60 }, () => selfSigned());
    const rules = fc.array(pattern, { maxLength: 4 });
    const policies = fc.sample(fc.tuple(rules, rules), { numRuns: who.length, seed: 7 });
    const site = await startTestServer({
      keepLogs: false,
      policies: Object.fromEntries(
        policies.map(([allow, deny], index) => {
          const holder = toIdentity(who[index]?.identity ?? "");
          return [
            `p${index}`,
            { allow, deny: deny.slice(2), identities: holder === undefined ? [] : [holder] },
          ];
        }),
      ),
    });
    const seen = { allowed: 0, denied: 0, none: 0 };
    try {
      const { directory } = site.server.state.services;
      const book = { directory, openRoutes: new Set<string>(), meaningOf: () => "current" as const };
      for (const [index, holder] of who.entries()) {
        const client = new ApiClient("h2", site.port, holder);
        try {
          for (const path of fc.sample(target, { numRuns: 50, seed: index })) {
            const explained = explainRequest(path, holder.identity, book);
            // The request line of HTTP/2 holds a path; absolute targets are another test's.
            // An opened log stream does not end.
            if (!path.startsWith("/") || explained.route?.startsWith("/v1/log/") === true) continue;
            const answered = await outcome(client, path);
            expect(explained.verdict, `${path} of ${index}`).to.equal(answered);
            seen[explained.verdict] += 1;
          }
        } finally {
          client.close();
        }
      }
    } finally {
      await site.close();
    }
    for (const [what, times] of Object.entries(seen)) expect(times, what).to.be.greaterThan(200);
  });
});

/** What the server makes of a request: let in, refused (403), or not there. */
async function outcome(client: ApiClient, path: string): Promise<"allowed" | "denied" | "none"> {
  let next = path;
  let method = methodOf(path);
  for (let turn = 0; turn < 8; turn++) {
    const { status, headers, body } = await client.send({ method, path: next, body: "" });
    if (status === 301) next = headers.location ?? "";
    else if (status === 405) method = headers.accept ?? "";
    else if (status === 403) return "denied";
    else if (status === 404 && !body.startsWith("{")) return "none";
    else if (status === 501) return "none";
    else return body.includes("invalid request path") ? "none" : "allowed";
  }
  throw new Error(`no end of redirects: ${path}`);
}

function methodOf(path: string): string {
  return routes.find((route) => path.startsWith(route.path))?.method ?? "GET";
}
