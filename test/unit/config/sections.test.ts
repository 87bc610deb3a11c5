import { expect } from "chai";
import {
  type BASE,
  ConfigFolder,
  configText,
  identityOf,
  reference,
  told,
} from "../../support/configuration.js";

const PROXIED = `tls: { key: k, cert: c, proxy: { identities: [ ${identityOf("a")} ] } }\n`;

/** What is wrong → lines before the base configuration (or sections instead of it) → each fault told. */
const refused: readonly {
  readonly what: string;
  readonly more?: string;
  readonly replaced?: Partial<Record<keyof typeof BASE, string>>;
  readonly faults: readonly string[];
}[] = [
  {
    what: "another version",
    more: "version: v2",
    faults: ["kes.yml:1:10: version: edge: invalid server config version 'v2'; write v1"],
  },
  {
    what: "a reference as version",
    more: `version: ${reference("V")}`,
    faults: [`kes.yml:1:10: version: edge: invalid server config version '${reference("V")}'; write v1`],
  },
  {
    what: "no admin",
    replaced: { admin: "" },
    faults: [
      "kes.yml:2:1: admin.identity: kesconf: invalid admin identity: no admin identity; set 'admin.identity'",
    ],
  },
  {
    what: "an empty admin",
    replaced: { admin: "admin:\n  identity: ''\n" },
    faults: [
      "kes.yml:3:3: admin.identity: kesconf: invalid admin identity: no admin identity; set 'admin.identity'",
    ],
  },
  {
    what: "no private key and no certificate",
    replaced: { tls: "tls:\n  auth: on\n" },
    faults: [
      "kes.yml:3:1: tls.key: kesconf: invalid tls config: no private key; set 'tls.key'",
      "kes.yml:3:1: tls.cert: kesconf: invalid tls config: no certificate; set 'tls.cert'",
    ],
  },
  {
    what: "an unknown word for tls.auth",
    replaced: { tls: "tls: { key: k, cert: c, auth: true }\n" },
    faults: ["kes.yml:3:31: tls.auth: kesconf: invalid tls config: invalid auth '{ true}'; write on or off"],
  },
  {
    what: "a header with blanks",
    replaced: { tls: "tls: { key: k, cert: c, proxy: { header: { cert: a b } } }\n" },
    faults: ["kes.yml:3:50: tls.proxy.header.cert: 'a b' is not a valid header name"],
  },
  {
    what: "an unknown way of forwarding certificates",
    replaced: { tls: "tls: { key: k, cert: c, proxy: { format: PEM } }\n" },
    faults: ["kes.yml:3:42: tls.proxy.format: must be one of: auto, pem, der, xfcc, rfc9440"],
  },
  {
    what: "a server for proxies alone that lists none",
    replaced: { tls: "tls: { key: k, cert: c, proxy: { only: on } }\n" },
    faults: [
      "kes.yml:3:40: tls.proxy.only: nobody could connect: list the proxies in 'tls.proxy.identities'",
    ],
  },
  {
    what: "sources of the PROXY protocol that are none",
    more: "server: { proxy_protocol: [ 10.0.0.0/33, lb.example.com, 10.0.0, ::/129, 10.0.0.1/, 10.0.0.1 ] }",
    faults: [
      "kes.yml:1:29: server.proxy_protocol[0]: '10.0.0.0/33': a range of IPv4 has at most 32 bits",
      ...["lb.example.com", "10.0.0"].map((text, index) => {
        const end = "is no address and no range; write for example 10.0.0.0/8 or 192.0.2.7";
        return `kes.yml:1:${[42, 58][index]}: server.proxy_protocol[${index + 1}]: '${text}' ${end}`;
      }),
      "kes.yml:1:66: server.proxy_protocol[3]: '::/129': a range of IPv6 has at most 128 bits",
      "kes.yml:1:74: server.proxy_protocol[4]: '10.0.0.1/' is no address and no range; write for example 10.0.0.0/8 " +
        "or 192.0.2.7",
    ],
  },
  {
    what: "numbers of workers, ways to watch and times that are none",
    more: "server: { workers: 0, watch: sometimes, grace: -1s, http: go }\ncache: { revalidate: -2s }",
    faults: [
      "kes.yml:1:20: server.workers: '0' is no number of workers; write auto, or a number from 1 to 256",
      "kes.yml:1:30: server.watch: must be one of: certificates, all, off",
      "kes.yml:1:48: server.grace: kesconf: invalid server grace '-1s'; it must not be negative",
      "kes.yml:1:59: server.http: must be one of: keswick, node",
      "kes.yml:2:22: cache.revalidate: kesconf: invalid cache revalidation '-2s'; it must not be negative",
    ],
  },
  {
    what: "a health listener on a host name",
    more: "server: { health: { address: 'localhost:7374' } }",
    faults: [
      "kes.yml:1:30: server.health.address: 'localhost' is not a valid IP address; write an IP address, no host name",
    ],
  },
  {
    what: "negative expiries",
    more: "cache:\n  expiry:\n    any: -1s\n    unused: -1h\n    offline: -0.5s",
    faults: [
      "kes.yml:3:10: cache.expiry.any: kesconf: invalid cache expiry '-1s'; it must not be negative",
      "kes.yml:4:13: cache.expiry.unused: kesconf: invalid cache unused expiry '-1h0m0s'; it must not be negative",
      "kes.yml:5:14: cache.expiry.offline: kesconf: invalid offline cache expiry '-500ms'; it must not be negative",
    ],
  },
  {
    what: "durations without a unit",
    more: "cache: { expiry: { any: 5, unused: 0, offline: 1d } }",
    faults: ["any: '5'", "unused: '0'", "offline: '1d'"].map((start, index) => {
      const column = [25, 36, 48][index];
      const hint = "write a number with a unit, for example 30s, 5m or 1h30m";
      return `kes.yml:1:${column}: cache.expiry.${start} is not a duration; ${hint}`;
    }),
  },
  {
    what: "unknown levels",
    more: "log:\n  error: loud\n  audit: WARN+x",
    faults: [
      "kes.yml:2:10: log.error: kesconf: invalid log level 'loud'; write on, off, DEBUG, INFO, WARN, ERROR or a number",
      "kes.yml:3:10: log.audit: kesconf: invalid log level 'WARN+x'; write on, off, DEBUG, INFO, WARN, ERROR or a number",
    ],
  },
  {
    what: "an unknown format",
    more: "log: { format: xml }",
    faults: ["kes.yml:1:16: log.format: must be one of: text, json"],
  },
  {
    what: "a negative timeout",
    more: "api:\n  /v1/ready:\n    timeout: -5s",
    faults: [
      "kes.yml:3:14: api./v1/ready.timeout: kesconf: invalid timeout '-5000000000' for API '/v1/ready'; it must not be negative",
    ],
  },
  {
    what: "skip_auth for a key route",
    more: "api:\n  /v1/key/decrypt/:\n    skip_auth: true",
    faults: [
      "kes.yml:3:16: api./v1/key/decrypt/.skip_auth: '/v1/key/decrypt/' cannot be opened to callers without " +
        "certificate, whoever they are; only /version, /v1/ready, /v1/status, /v1/metrics, /v1/api",
    ],
  },
  {
    what: "unknown routes",
    more: "api:\n  /v1/redy: {}\n  /v1/key/create/my-key: {}\n  x-mine: {}",
    faults: [
      "kes.yml:2:3: api./v1/redy: the API has no route '/v1/redy'; did you mean '/v1/ready'?",
      "kes.yml:3:3: api./v1/key/create/my-key: the API has no route '/v1/key/create/my-key'; did you mean '/v1/key/create/'?",
      "kes.yml:4:3: api.x-mine: the API has no route 'x-mine'",
    ],
  },
  {
    what: "a route named twice",
    more: "api:\n  /v1/ready: {}\n  v1/ready: {}",
    faults: ["kes.yml:3:3: api.v1/ready: ambiguous API configuration for '/v1/ready': it is named twice"],
  },
  {
    what: "booleans in quotes and numbers",
    more: 'api:\n  /v1/ready: { skip_auth: "true" }\n  /v1/status: { skip_auth: 1 }',
    faults: [
      "kes.yml:2:27: api./v1/ready.skip_auth: 'true' is not a boolean; write true or false without quotes",
      "kes.yml:3:28: api./v1/status.skip_auth: '1' is not a boolean; write true or false",
    ],
  },
  {
    what: "a key listed twice, a bad name, no name, an unknown algorithm",
    more: "keys:\n- name: a\n- name: a\n- name: a/b\n- {}\n- { name: c, algorithm: DES }",
    faults: [
      "kes.yml:3:9: keys[1].name: kesconf: invalid key config: key 'a' is defined multiple times",
      "kes.yml:4:9: keys[2].name: key name 'a/b' is empty, too long or contains invalid characters",
      "kes.yml:5:3: keys[3].name: key name '' is empty, too long or contains invalid characters; set 'keys[3].name'",
      "kes.yml:6:25: keys[4].algorithm: algorithm 'DES' is not supported; write AES256 or ChaCha20",
    ],
  },
  {
    what: "a list where a mapping belongs, and the other way round",
    more: "cache: [1]\npolicy: { a: { allow: { x: y } } }\naddress: [x]\nkeys: k",
    faults: [
      "kes.yml:1:8: cache: expected a mapping (lines of 'key: value'), found a list",
      "kes.yml:2:23: policy.a.allow: expected a list (lines that begin with '- '), found a mapping",
      "kes.yml:3:10: address: expected a text, found a list",
      "kes.yml:4:7: keys: expected a list (lines that begin with '- '), found a single value",
    ],
  },
  {
    what: "unknown keys, with the nearest known one",
    more: "adress: x\nAdmin: x\nzebra: 1\npolicy: { a: { dny: [] } }",
    faults: [
      "kes.yml:1:1: adress: unknown key 'adress'; did you mean 'address'? (keys of your own begin with 'x-')",
      "kes.yml:2:1: Admin: unknown key 'Admin'; did you mean 'admin'? (keys of your own begin with 'x-')",
      "kes.yml:3:1: zebra: unknown key 'zebra'; known here: version, address, admin, tls, server, policy, api, cache, cluster, log, audit, metrics, keys, keystore (keys of your own begin with 'x-')",
      "kes.yml:4:16: policy.a.dny: unknown key 'dny'; did you mean 'deny'? (keys of your own begin with 'x-')",
    ],
  },
  {
    what: "a misspelt key, without calling the right one missing",
    replaced: { tls: "tls: { kee: k, cert: c }\n" },
    faults: [
      "kes.yml:3:8: tls.kee: unknown key 'kee'; did you mean 'key'? (keys of your own begin with 'x-')",
    ],
  },
  {
    what: "undefined variables",
    more: `log: { error: "${reference("NO_SUCH")}" }\napi: { /v1/ready: { skip_auth: "${reference("toString")}" } }`,
    faults: [
      "kes.yml:1:15: log.error: kesconf: referenced env. variable 'NO_SUCH' in line '1' not found",
      "kes.yml:2:32: api./v1/ready.skip_auth: kesconf: referenced env. variable 'toString' in line '2' not found",
    ],
  },
  {
    what: "a proxy that is the admin",
    replaced: { admin: `admin: { identity: ${identityOf("a")} }\n`, tls: PROXIED },
    faults: [
      `kes.yml:3:48: tls.proxy.identities[0]: kesconf: invalid tls proxy: identity '${identityOf("a")}' is already ` +
        "admin; it stands at kes.yml:2 (admin.identity)",
    ],
  },
  {
    what: "a policy identity that is the admin",
    more: `policy: { p: { identities: [ ${identityOf("b").toUpperCase()} ] } }`,
    replaced: { admin: `admin: { identity: ${identityOf("b")} }\n` },
    faults: [
      `kes.yml:1:30: policy.p.identities[0]: kesconf: invalid policy 'p': identity '${identityOf("b")}' is already ` +
        "admin; it stands at kes.yml:2 (admin.identity)",
    ],
  },
  {
    what: "a policy identity that is a proxy",
    more: `policy: { p: { identities: [ ${identityOf("a")} ] } }`,
    replaced: { tls: PROXIED },
    faults: [
      `kes.yml:1:30: policy.p.identities[0]: kesconf: invalid policy 'p': identity '${identityOf("a")}' is already ` +
        "a TLS proxy; it stands at kes.yml:3 (tls.proxy.identities[0])",
    ],
  },
  {
    what: "an identity with two policies",
    more: `policy:\n  p: { identities: [ ${identityOf("a")} ] }\n  q: { identities: [ ${identityOf("a")} ] }`,
    faults: [
      `kes.yml:3:22: policy.q.identities[0]: kes: cannot assign policy 'q' to '${identityOf("a")}': identity already ` +
        "has a policy; it stands at kes.yml:2 (policy.p.identities[0])",
    ],
  },
  {
    what: "policy names and identities that are none",
    more: `policy:\n  a.b: {}\n  c: { identities: [ "", -x, ${"ab".repeat(31)}c ] }`,
    faults: [
      "kes.yml:2:3: policy.a.b: kes: policy name 'a.b' is empty, too long or contains invalid characters",
      "kes.yml:3:22: policy.c.identities[0]: kes: identity '' is empty, too long or contains invalid characters",
      "kes.yml:3:26: policy.c.identities[1]: kes: identity '-x' is empty, too long or contains invalid characters",
      `kes.yml:3:30: policy.c.identities[2]: identity '${"ab".repeat(31)}c' is not 64 hex digits (63), so it matches no certificate`,
    ],
  },
];

const addresses: readonly (readonly [string, { host: string; port: number } | string])[] = [
  ["127.0.0.1:7373", { host: "127.0.0.1", port: 7373 }],
  [":7373", { host: "", port: 7373 }],
  ["'[::1]:80'", { host: "::1", port: 80 }],
  ["'[::]:0'", { host: "::", port: 0 }],
  ["localhost:7373", "'localhost' is not a valid IP address; write an IP address, no host name"],
  ["127.0.0.1", "'127.0.0.1' is not of the form [ip]:port; the port is missing"],
  [
    "'::1:80'",
    "'::1:80' is not of the form [ip]:port; an IPv6 address needs brackets, for example [::1]:7373",
  ],
  ["1.2.3.4:70000", "'70000' is not a valid port; write a number from 0 to 65535"],
  ["1.2.3.4:http", "'http' is not a valid port; write a number from 0 to 65535"],
  ["'1.2.3.4:'", "'' is not a valid port; write a number from 0 to 65535"],
  ["'[1.2.3.4:80'", "'[1.2.3.4:80' is not of the form [ip]:port; the port is missing"],
];

const levels: readonly (readonly [string, number])[] = [
  ["on", 0],
  ["OFF", 9],
  ["debug", -4],
  ["Info", 0],
  ["warn", 4],
  ["ERROR", 8],
  ["WARN+2", 6],
  ["' error '", 8],
  ["-4", -4],
  ["12", 12],
];

describe("configuration sections", () => {
  let folder: ConfigFolder;
  before(async () => {
    folder = await ConfigFolder.create();
  });
  after(() => folder.remove());

  for (const { what, more = "", replaced = {}, faults } of refused) {
    it(`refuses ${what}`, async () => {
      expect(await folder.faults(configText(more, replaced))).to.deep.equal(faults);
    });
  }

  for (const [text, expected] of addresses) {
    it(`address ${text}`, async () => {
      const config = configText(`address: ${text}`);
      if (typeof expected === "string") {
        expect(await folder.faults(config)).to.deep.equal([`kes.yml:1:10: address: ${expected}`]);
      } else expect((await folder.load(config)).address).to.deep.equal(expected);
    });
  }

  for (const [text, level] of levels) {
    it(`level ${text} is ${level}`, async () => {
      const { log } = await folder.load(configText(`log: { error: ${text}, audit: ${text} }`));
      expect(log).to.deep.equal({ errorLevel: level, auditLevel: level, format: "text" });
    });
  }

  it("fills in the documented defaults", async () => {
    const config = await folder.load(configText(""));
    expect(config).to.deep.include({
      address: { host: "0.0.0.0", port: 7373 },
      admin: { text: "disabled" },
      policies: [],
      cache: { anyMs: 300_000, unusedMs: 30_000, offlineMs: 0, revalidateMs: 0 },
      log: { errorLevel: 0, auditLevel: 9, format: "text" },
      keys: [],
      certificates: [],
      warnings: [],
    });
    expect(config.api.size).to.equal(0);
    expect(config.tls).to.deep.equal({
      keyFile: `${folder.path}/server.key`,
      certFile: `${folder.path}/server.crt`,
      verifyClients: false,
      proxy: { identities: [], format: "auto", only: false },
    });
    expect(config.server).to.deep.equal({
      watch: "certificates",
      http: "keswick",
      graceMs: 10_000,
      proxyProtocol: [],
    });
  });

  it("sets each default of the cache by itself, and takes 0s for unset", async () => {
    const cache = async (expiry: string) => folder.load(configText(`cache: { expiry: { ${expiry} } }`));
    expect((await cache("any: 1h")).cache).to.deep.equal({
      anyMs: 3_600_000,
      unusedMs: 30_000,
      offlineMs: 0,
      revalidateMs: 0,
    });
    expect((await cache("unused: 1m")).cache).to.deep.equal({
      anyMs: 300_000,
      unusedMs: 60_000,
      offlineMs: 0,
      revalidateMs: 0,
    });
    const zero = await cache('any: 0s, unused: "0", offline: 0s');
    expect(zero.cache).to.deep.equal({ anyMs: 300_000, unusedMs: 30_000, offlineMs: 0, revalidateMs: 0 });
    expect(told(zero.warnings)).to.deep.equal([
      "1:25 cache.expiry.any 0s means the default, 300s: the cache cannot be kept for ever",
      "1:37 cache.expiry.unused 0s means the default, 30s: the cache cannot be kept for ever",
    ]);
  });

  it("reads every option", async () => {
    const text = [
      "version: v1",
      "tls:",
      "  key: /k",
      "  cert: c",
      "  password: on",
      "  auth: ON",
      "  ca: ca.pem",
      `  proxy: { identities: [ ${identityOf("a")} ], header: { cert: X-Tls-Client-Cert }, format: der, only: on }`,
      "server:",
      "  workers: 3",
      "  watch: all",
      "  http: node",
      "  grace: 2s",
      "  proxy_protocol: [ 10.0.0.0/8, 192.0.2.7, '2001:db8::/32' ]",
      "  health: { address: ':7374' }",
      "api:",
      "  /v1/ready: { skip_auth: yes, timeout: 2s }",
      "  /v1/key/create/: { timeout: 0s }",
      "  /v1/metrics:",
      "keys:",
      "- name: 7373",
      "-",
      "- { name: b, algorithm: XCHACHA20-POLY1305 }",
      "- { name: c, algorithm: chacha20 }",
      "log: { format: json }",
      "x-notes: { anything: [1, *nothing-of-ours] }".replace(", *nothing-of-ours", ""),
    ].join("\n");
    const config = await folder.load(configText(text, { tls: "" }));
    expect(config.tls).to.deep.equal({
      keyFile: "/k",
      certFile: `${folder.path}/c`,
      password: "on",
      verifyClients: true,
      caPath: `${folder.path}/ca.pem`,
      proxy: {
        identities: [identityOf("a")],
        certificateHeader: "x-tls-client-cert",
        format: "der",
        only: true,
      },
    });
    expect(config.server).to.deep.equal({
      workers: 3,
      watch: "all",
      http: "node",
      graceMs: 2_000,
      proxyProtocol: [
        { address: "10.0.0.0", bits: 8, family: "ipv4" },
        { address: "192.0.2.7", bits: 32, family: "ipv4" },
        { address: "2001:db8::", bits: 32, family: "ipv6" },
      ],
      health: { host: "", port: 7374 },
    });
    expect([...config.api]).to.deep.equal([
      ["/v1/ready", { skipAuth: true, timeoutMs: 2000 }],
      ["/v1/key/create/", { skipAuth: false }],
      ["/v1/metrics", { skipAuth: false }],
    ]);
    expect(config.keys).to.deep.equal([
      { name: "7373", algorithm: "AES256" },
      { name: "b", algorithm: "ChaCha20" },
      { name: "c", algorithm: "ChaCha20" },
    ]);
    expect(config.log.format).to.equal("json");
    expect(config.warnings).to.deep.equal([]);
  });

  it("mends paths of routes with a warning", async () => {
    const text =
      "api:\n  v1/ready: { skip_auth: true }\n  ' /v1/status/ ': {}\n  /v1/key/create: { timeout: 1s }";
    const config = await folder.load(configText(text));
    expect([...config.api.keys()]).to.deep.equal(["/v1/ready", "/v1/status", "/v1/key/create/"]);
    expect(told(config.warnings).map((line) => line.split(" the route's path is ")[1])).to.deep.equal([
      "'/v1/ready'; write it so",
      "'/v1/status'; write it so",
      "'/v1/key/create/'; write it so",
    ]);
  });

  it("takes references wherever KES does, booleans too", async () => {
    const env = {
      ADDR: ":1",
      FLAG: "true",
      AGE: "7m",
      NAME: "my-key",
      ID: identityOf("c"),
      WORD: " off ",
      PASS: "",
    };
    const text = [
      `address: '${reference("ADDR")}'`,
      `api: { /v1/ready: { skip_auth: "${reference(" FLAG ")}" } }`,
      `cache: { expiry: { any: "${reference("AGE")}" } }`,
      `keys: [ { name: "${reference("NAME")}" } ]`,
      `policy: { p: { identities: [ "${reference("ID")}" ] } }`,
      `log:`,
      `  error: ${reference("WORD")}`,
      `tls: { key: k, cert: c, password: "${reference("PASS")}", ca: "x${reference("ID")}", auth: on }`,
    ].join("\n");
    const config = await folder.load(configText(text, { tls: "" }), { env });
    expect(config.address).to.deep.equal({ host: "", port: 1 });
    expect(config.api.get("/v1/ready")?.skipAuth).to.equal(true);
    expect(config.cache.anyMs).to.equal(420_000);
    expect(config.keys[0]?.name).to.equal("my-key");
    expect(config.policies[0]?.identities).to.deep.equal([identityOf("c")]);
    expect(config.log.errorLevel).to.equal(9);
    expect(config.tls.password).to.equal(undefined);
    expect(config.tls.caPath).to.equal(`${folder.path}/x${reference("ID")}`);
  });

  it("never tells the content of a variable", async () => {
    const env = { SECRET: "hunter2-hunter2" };
    const value = `"${reference("SECRET")}"`;
    const text = [
      `cache: { expiry: { any: ${value} } }`,
      `log: { error: ${value}, audit: ${value} }`,
      `api: { /v1/ready: { skip_auth: ${value} } }`,
      `keys: [ { name: ${value}, algorithm: ${value} } ]`,
      `policy: { p: { identities: [ ${value} ] }, q: { file: ${value} } }`,
      `tls: { key: k, cert: c, auth: ${value}, proxy: { identities: [ ${value} ] } }`,
    ].join("\n");
    const faults = (await folder.faults(configText(text, { tls: "" }), { env })).join("\n");
    expect(faults).to.include(reference("SECRET"));
    expect(faults).to.not.include("hunter2");
  });

  it("warns of what has no effect", async () => {
    const tls = `tls:\n  key: k\n  cert: c\n  ca: ca.pem\n  proxy: { identities: [ ${identityOf("a")} ] }\n`;
    const config = await folder.load(configText("", { tls }));
    expect(told(config.warnings)).to.deep.equal([
      "6:7 tls.ca has no effect while 'tls.auth' is off: client certificates are not verified",
      "7:10 tls.proxy proxies are listed, but not the header: set 'tls.proxy.header.cert'",
    ]);
  });
});
