import { X509Certificate } from "node:crypto";
import { expect } from "chai";
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
  readonly optional?: boolean;
}

function ask(headers: Headers, given: Given = {}): Peer | string {
  const who = given.who ?? { ip: "192.0.2.1", identity: proxy.identity };
  const rules = "with" in given ? given.with : settings;
  try {
    return clientOf(origin(who, headers), rules, given.optional ?? false);
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

  it("reads only the first block of a chain, and ignores what stands behind it", () => {
    const chain = encodeURIComponent(`${client.certPem}${selfSigned().certPem}nonsense`);
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
    ["bare base64", [der.toString("base64")], "PROXY_CERTIFICATE_INVALID"],
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
    ["203.0.113.9, 10.0.0.1", "203.0.113.9"],
    [" 203.0.113.9 ,10.0.0.1", "203.0.113.9"],
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
