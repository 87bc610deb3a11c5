import { createHash, X509Certificate } from "node:crypto";
import { expect } from "chai";
import fc from "fast-check";
import type { ForwardingFormat } from "../../../src/config/config.js";
import { KesError } from "../../../src/errors.js";
import { clientOf, type Origin, type ProxySettings } from "../../../src/server/forwarded.js";
import type { Peer } from "../../../src/server/peer.js";
import {
  certificateAuthority,
  issuedBy,
  selfSigned,
  type TestCertificate,
} from "../../support/certificates.js";

const HOUR_MS = 3_600_000;
const proxy = selfSigned({ cn: "proxy" });
const client = selfSigned({ cn: "client" });
const settings: ProxySettings = {
  identities: new Set([proxy.identity]),
  certificateHeader: "x-tls-client-cert",
  format: "auto",
  only: false,
};

/** As nginx's `$ssl_client_escaped_cert` writes it. */
const escaped = ({ certPem }: TestCertificate): string => encodeURIComponent(certPem);

type Headers = Readonly<Record<string, readonly string[]>>;

function origin(who: Peer, headers: Headers): Origin {
  return { peer: who, header: (name) => headers[name] ?? [] };
}

interface Given {
  readonly who?: Peer;
  readonly with?: ProxySettings | undefined;
  /** The route may be used by a proxy as itself. */
  readonly optional?: boolean;
  /** The route may be used by anybody. */
  readonly open?: boolean;
}

function ask(headers: Headers, given: Given = {}): Peer | string {
  const who = given.who ?? { ip: "192.0.2.1", identity: proxy.identity };
  const rules = "with" in given ? given.with : settings;
  try {
    const open = { toProxies: given.optional ?? false, toAll: given.open ?? false };
    return clientOf(origin(who, headers), rules, open);
  } catch (error) {
    if (error instanceof KesError) return error.code;
    throw error;
  }
}

describe("clientOf", () => {
  it("takes the certificate that a proxy forwards", () => {
    expect(ask({ "x-tls-client-cert": [escaped(client)] })).to.deep.equal({
      ip: "192.0.2.1",
      identity: client.identity,
    });
  });

  it("S16 #2: a listed proxy acts for the client it names, an unlisted one for itself", () => {
    const headers = { "x-tls-client-cert": [escaped(client)], "x-forwarded-for": ["203.0.113.9"] };
    const stranger = { ip: "192.0.2.2", identity: selfSigned().identity };
    expect(ask(headers)).to.deep.equal({ ip: "203.0.113.9", identity: client.identity });
    expect(ask(headers, { who: stranger })).to.equal(stranger);
    expect(ask(headers, { who: { ip: "192.0.2.2", fault: "CERTIFICATE_REQUIRED" } })).to.deep.equal({
      ip: "192.0.2.2",
      fault: "CERTIFICATE_REQUIRED",
    });
    expect(ask(headers, { with: undefined })).to.have.property("identity", proxy.identity);
  });

  it("reads the first block of a chain, and ignores what stands behind it and is no certificate", () => {
    const chain = encodeURIComponent(`${client.certPem}${certificateAuthority().certPem}nonsense`);
    expect(ask({ "x-tls-client-cert": [chain] })).to.have.property("identity", client.identity);
  });

  it("takes a plus for a plus, and for the blank of the PEM header", () => {
    const formEncoded = client.certPem
      .replaceAll(" ", "+")
      .replaceAll("\n", "%0A")
      .replaceAll("/", "%2F")
      .replaceAll("=", "%3D");
    expect(ask({ "x-tls-client-cert": [formEncoded] })).to.have.property("identity", client.identity);
  });

  it("takes a forwarded CA certificate for nobody", () => {
    const ca = certificateAuthority();
    expect(ask({ "x-tls-client-cert": [escaped(ca)] })).to.have.property("fault", "CERTIFICATE_REQUIRED");
  });

  it("lets a proxy be itself where the route allows it, and only without a forwarded certificate", () => {
    expect(ask({}, { optional: true })).to.have.property("identity", proxy.identity);
    expect(ask({ "x-tls-client-cert": ["junk"] }, { optional: true })).to.equal("PROXY_CERTIFICATE_INVALID");
  });

  const der = Buffer.from(client.der);
  const refused: readonly (readonly [why: string, values: readonly string[], code: string])[] = [
    ["no header", [], "PROXY_CERTIFICATE_MISSING"],
    ["two headers", [escaped(client), escaped(client)], "PROXY_CERTIFICATE_AMBIGUOUS"],
    ["two headers, joined", [`${escaped(client)}, ${escaped(client)}`], "PROXY_CERTIFICATE_AMBIGUOUS"],
    ["an empty header", [""], "PROXY_CERTIFICATE_INVALID"],
    ["a bad escape", ["%zz"], "PROXY_CERTIFICATE_INVALID"],
    ["half an escape", [`${escaped(client)}%`], "PROXY_CERTIFICATE_INVALID"],
    ["no PEM", [encodeURIComponent("hello")], "PROXY_CERTIFICATE_INVALID"],
    ["a second certificate in one value", [escaped(client) + escaped(proxy)], "PROXY_CERTIFICATE_AMBIGUOUS"],
    [
      "broken DER behind it",
      [escaped(client) + encodeURIComponent("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")],
      "PROXY_CERTIFICATE_AMBIGUOUS",
    ],
    ["a block without end", [escaped(client).slice(0, -40)], "PROXY_CERTIFICATE_INVALID"],
    [
      "seventeen certificates",
      [escaped(client) + escaped(certificateAuthority()).repeat(16)],
      "PROXY_CERTIFICATE_INVALID",
    ],
    ["another kind of block", [encodeURIComponent(client.keyPem)], "PROXY_CERTIFICATE_INVALID"],
    ["text in front", [`x${escaped(client)}`], "PROXY_CERTIFICATE_INVALID"],
    [
      "broken DER",
      [
        encodeURIComponent(
          `-----BEGIN CERTIFICATE-----\n${der.subarray(0, 60).toString("base64")}\n-----END CERTIFICATE-----`,
        ),
      ],
      "PROXY_CERTIFICATE_INVALID",
    ],
    ["an over-long header", [escaped(client).padEnd(40_000, "%0A")], "PROXY_CERTIFICATE_INVALID"],
  ];
  for (const [why, values, code] of refused) {
    it(`refuses ${why}`, () => expect(ask({ "x-tls-client-cert": values })).to.equal(code));
  }

  describe("forms", () => {
    const der64 = der.toString("base64");
    const pem = client.certPem;
    const chain = encodeURIComponent(pem + certificateAuthority().certPem);
    const hash = createHash("sha256").update(der).digest("hex");
    const envoy = `Hash=${hash};Cert="${escaped(client)}";Subject="CN=client";URI=`;
    const victim = selfSigned();
    const victim64 = Buffer.from(victim.der).toString("base64");
    const INVALID = "PROXY_CERTIFICATE_INVALID";
    const AMBIGUOUS = "PROXY_CERTIFICATE_AMBIGUOUS";

    /** `ok`: the client's identity. The form is that of the value; `auto` must come to the same. */
    const forms: Readonly<
      Record<
        Exclude<ForwardingFormat, "auto">,
        readonly (readonly [why: string, value: string, end: string])[]
      >
    > = {
      pem: [
        ["as nginx escapes it", escaped(client), "ok"],
        [
          "escaped throughout",
          pem.replace(/[\s\S]/g, (c) => `%${c.charCodeAt(0).toString(16).padStart(2, "0")}`),
          "ok",
        ],
        [
          "with plus, slash and equals as they are",
          encodeURIComponent(pem).replace(/%2[bf]|%3d/gi, decodeURIComponent),
          "ok",
        ],
        ["folded with tabs, not escaped", pem.trim().replaceAll("\n", "\t"), "ok"],
        ["with a chain", chain, "ok"],
        ["a blank in the body", escaped(client).replace("MII", "MII%20"), "ok"],
        ["another character in the body", escaped(client).replace("MII", "MII%21"), INVALID],
        ["half a character of UTF-8", `${escaped(client)}%c3`, INVALID],
      ],
      der: [
        ["as HAProxy writes it", der64, "ok"],
        ["escaped", encodeURIComponent(der64), "ok"],
        ["with blanks around", ` ${der64} `, "ok"],
        ["with its plus made a blank", `${der64.slice(0, 8)} ${der64.slice(9)}`, INVALID],
        ["URL alphabet", `${der64.slice(0, 8)}-${der64.slice(9)}`, INVALID],
        ["cut", der64.slice(0, -4), INVALID],
        ["with something behind", Buffer.concat([der, Buffer.alloc(3)]).toString("base64"), INVALID],
        ["two, joined", `${der64}, ${victim64}`, AMBIGUOUS],
        [
          "two, one behind the other in the DER",
          Buffer.concat([der, Buffer.from(victim.der)]).toString("base64"),
          INVALID,
        ],
      ],
      rfc9440: [
        ["as the RFC has it", `:${der64}:`, "ok"],
        ["without padding", `:${der64.replace(/=+$/, "")}:`, "ok"],
        ["without end", `:${der64}`, INVALID],
        ["with a parameter", `:${der64}:;a=1`, INVALID],
        ["two, joined", `:${der64}:, :${victim64}:`, AMBIGUOUS],
        ["empty", "::", INVALID],
        ["padding in the middle", `:${der64.slice(0, 8)}==${der64.slice(8)}:`, INVALID],
      ],
      xfcc: [
        ["Cert", `${envoy}spiffe://client`, "ok"],
        ["Cert without quotes", `Cert=${escaped(client)}`, "ok"],
        [
          "keys in another case, blanks between",
          `hash=${hash.toUpperCase()}; CERT="${escaped(client)}"`,
          "ok",
        ],
        ["Chain alone", `Hash=${hash};Chain="${chain}"`, "ok"],
        ["Cert and Chain", `Cert="${escaped(client)}";Chain="${chain}"`, "ok"],
        ["Cert and another's Chain", `Cert="${escaped(client)}";Chain="${escaped(victim)}"`, AMBIGUOUS],
        ["quotes in Subject", `Subject="CN=a\\",Cert=\\"b;\\\\";Cert="${escaped(client)}"`, "ok"],
        ["several names of the client", `Cert="${escaped(client)}";URI=a;URI=b;DNS=c;DNS=d`, "ok"],
        ["a key that we do not know", `Cert="${escaped(client)}";New=1`, "ok"],
        ["a name that looks like a certificate", `${envoy}x;Cert="${escaped(victim)}"`, AMBIGUOUS],
        [
          "a name that looks like a certificate without quotes",
          `${envoy}x;cert=${escaped(victim)}`,
          AMBIGUOUS,
        ],
        ["a name that looks like a second proxy", `${envoy}x,Cert="${escaped(victim)}"`, AMBIGUOUS],
        [
          "a name that looks like one, with its hash",
          `Hash=${hash};URI=x;Cert="${escaped(victim)}"`,
          AMBIGUOUS,
        ],
        ["a hash that is another's", `Hash=${"0".repeat(64)};Cert="${escaped(client)}"`, AMBIGUOUS],
        ["two hashes", `Hash=${hash};Hash=${hash};Cert="${escaped(client)}"`, AMBIGUOUS],
        ["two proxies", `Cert="${escaped(client)}",Cert="${escaped(client)}"`, AMBIGUOUS],
        ["an empty second element", `Cert="${escaped(client)}",`, INVALID],
        ["no certificate", `Hash=${hash};Subject="CN=client"`, "PROXY_CERTIFICATE_MISSING"],
        ["a quote without end", `Cert="${escaped(client)}`, INVALID],
        ["text behind a quote", `Cert="${escaped(client)}"x`, INVALID],
        ["a quote inside", `Cert=${escaped(client)};URI=a"b`, INVALID],
        ["more pairs than anybody has", `Cert="${escaped(client)}"${";URI=a".repeat(256)}`, INVALID],
      ],
    };
    for (const [form, rows] of Object.entries(forms)) {
      for (const [why, value, end] of rows) {
        it(`${form}, ${why}: ${end}`, () => {
          const seen = (format: ForwardingFormat): Peer | string =>
            ask({ "x-tls-client-cert": [value] }, { with: { ...settings, format } });
          const wanted = end === "ok" ? { ip: "192.0.2.1", identity: client.identity } : end;
          expect(seen(form as ForwardingFormat)).to.deep.equal(wanted);
          expect(seen("auto")).to.deep.equal(wanted);
          for (const other of Object.keys(forms).filter((one) => one !== form)) {
            expect(seen(other as ForwardingFormat), other).to.be.oneOf([INVALID, AMBIGUOUS]);
          }
        });
      }
    }

    it("takes nobody but the certificate's holder, whatever stands in his certificate", () => {
      const theirs = createHash("sha256").update(victim.der).digest("hex");
      const pieces = fc.constantFrom(
        ...[",", ";", '"', "=", "\\", " ", "\t", "%22", "%2C", "x", "-----BEGIN CERTIFICATE-----"],
        ...[
          "Cert=",
          "cert=",
          "Chain=",
          "Hash=",
          "By=",
          "URI=",
          escaped(victim),
          `"${escaped(victim)}"`,
          theirs,
        ],
      );
      const text = fc.array(pieces, { maxLength: 12 }).map((some) => some.join(""));
      fc.assert(
        fc.property(text, (uri) => {
          const seen = ask({ "x-tls-client-cert": [envoy + uri] });
          if (typeof seen !== "string") expect(seen.identity).to.equal(client.identity);
        }),
        { numRuns: 3_000 },
      );
    });

    it("refuses values that are meant to take long", () => {
      const long: readonly string[] = [
        `Cert="${"\\".repeat(30_000)}`,
        "a=,".repeat(10_000),
        "a=;".repeat(10_000),
        " ".repeat(32_000),
        `${" ".repeat(16_000)}x`,
        "-----BEGIN CERTIFICATE-----".repeat(1_000),
        `-----BEGIN CERTIFICATE-----${"A\t".repeat(15_000)}`,
        `:${"A".repeat(32_000)}`,
        `:${" ".repeat(32_000)}`,
        "%41".repeat(10_000),
      ];
      for (const value of long) {
        const startedMs = performance.now();
        expect(ask({ "x-tls-client-cert": [value] })).to.be.oneOf([INVALID, AMBIGUOUS]);
        expect(performance.now() - startedMs).to.be.lessThan(200);
      }
    });
  });

  describe("where nobody but proxies should come", () => {
    const only = { ...settings, only: true };
    const stranger = { ip: "192.0.2.2", identity: selfSigned().identity };
    const nobody: Peer = { ip: "192.0.2.2", fault: "CERTIFICATE_REQUIRED" };

    it("a proxy is served as anywhere", () => {
      expect(ask({ "x-tls-client-cert": [escaped(client)] }, { with: only })).to.have.property(
        "identity",
        client.identity,
      );
    });

    it("others get what is open to everybody, and nothing else", () => {
      for (const who of [stranger, nobody]) {
        expect(ask({}, { who, with: only })).to.equal("NOT_AUTHORIZED");
        expect(ask({}, { who, with: only, optional: true })).to.equal("NOT_AUTHORIZED");
        expect(ask({}, { who, with: only, optional: true, open: true })).to.equal(who);
      }
    });

    const headers = [
      "x-tls-client-cert",
      "x-forwarded-client-cert",
      "client-cert",
      "client-cert-chain",
      "forwarded",
    ];
    for (const name of [...headers, "x-forwarded-for", "x-real-ip", "x-ssl-client-cert"]) {
      it(`others get nothing with ${name}`, () => {
        const given = { who: stranger, with: only, open: true };
        expect(ask({ [name]: [""] }, given)).to.equal("NOT_AUTHORIZED");
        expect(ask({ [name]: [""] }, { ...given, with: settings })).to.equal(stranger);
      });
    }

    it("others get nothing with the header that is configured, whatever its name", () => {
      const given = { who: stranger, with: { ...only, certificateHeader: "x-mine" }, open: true };
      expect(ask({ "x-mine": [""] }, given)).to.equal("NOT_AUTHORIZED");
    });
  });

  describe("when client certificates are verified", () => {
    const ca = certificateAuthority({ algorithm: "p256" });
    const verified = { ...settings, roots: [new X509Certificate(ca.certPem)] };
    const cases: readonly (readonly [why: string, certificate: TestCertificate, ok: boolean])[] = [
      ["one of the CA", issuedBy(ca, { usages: ["clientAuth"] }), true],
      ["one without usages", issuedBy(ca, { usages: [] }), true],
      ["one for servers alone", issuedBy(ca, { usages: ["serverAuth"] }), false],
      [
        "an ended one",
        issuedBy(ca, { notAfter: new Date(Date.now() - HOUR_MS), notBefore: new Date(0) }),
        false,
      ],
      ["a future one", issuedBy(ca, { notBefore: new Date(Date.now() + HOUR_MS) }), false],
      ["a self-signed one", client, false],
      ["one of another CA of the same name", issuedBy(certificateAuthority({ algorithm: "p256" })), false],
    ];
    for (const [why, certificate, ok] of cases) {
      it(`${ok ? "takes" : "refuses"} ${why}`, () => {
        const seen = ask({ "x-tls-client-cert": [escaped(certificate)] }, { with: verified });
        if (ok) expect(seen).to.have.property("identity", certificate.identity);
        else expect(seen).to.equal("NOT_AUTHORIZED");
      });
    }
    it("refuses everything when there is no CA of its own", () => {
      const none = { ...settings, roots: [] };
      expect(ask({ "x-tls-client-cert": [escaped(issuedBy(ca))] }, { with: none })).to.equal(
        "NOT_AUTHORIZED",
      );
    });
  });

  const addresses: readonly (readonly [header: string, ip: string])[] = [
    ["203.0.113.9", "203.0.113.9"],
    ["10.0.0.1, 203.0.113.9", "203.0.113.9"],
    ["10.0.0.1 , 203.0.113.9 ", "203.0.113.9"],
    ["203.0.113.9, unknown", "192.0.2.1"],
    ["203.0.113.9,", "192.0.2.1"],
    ["203.0.113.9:4711", "203.0.113.9"],
    ["2001:db8::1", "2001:db8::1"],
    ["[2001:db8::1]:4711", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["unknown", "192.0.2.1"],
    ["", "192.0.2.1"],
    ["example.com", "192.0.2.1"],
    ["203.0.113.999", "192.0.2.1"],
    ["203.0.113.9\u0000", "192.0.2.1"],
  ];
  for (const [header, ip] of addresses) {
    it(`X-Forwarded-For ${JSON.stringify(header)} is ${ip}`, () => {
      const headers = { "x-tls-client-cert": [escaped(client)], "x-forwarded-for": [header] };
      expect(ask(headers)).to.have.property("ip", ip);
    });
  }
});
