import { expect } from "chai";
import fc from "fast-check";
import { type HeaderResult, readProxyHeader } from "../../../src/server/proxy-header.js";
import { headerSources, isHeaderSource } from "../../../src/server/proxy-protocol.js";
import { headerV2, SIGNATURE, v2 } from "../../support/proxy-protocol.js";

const TLS = Buffer.from([0x16, 3, 1, 2, 0, 1]);
const V1 = "PROXY TCP4 203.0.113.9 192.0.2.1 51234 7373\r\n";

/** `ip port`, `-` where the load balancer speaks for itself, or what else came out. */
function told(result: HeaderResult): string {
  if (typeof result === "string") return result;
  return result.client === undefined ? "-" : `${result.client.ip} ${result.client.port}`;
}

const text = (line: string): Buffer => Buffer.from(line, "latin1");
const ipv6 = (hex: string): Buffer => Buffer.from(hex.padStart(32, "0"), "hex");

const rows: readonly (readonly [why: string, bytes: Buffer, end: string])[] = [
  ["v1, IPv4", text(V1), "203.0.113.9 51234"],
  ["v1, IPv6", text("PROXY TCP6 2001:db8::9 ::1 1 65535\r\n"), "2001:db8::9 1"],
  [
    "v1, longest",
    text(`PROXY TCP6 ${"ffff:".repeat(7)}ffff ${"ffff:".repeat(7)}ffff 65535 65535\r\n`),
    `${"ffff:".repeat(7)}ffff 65535`,
  ],
  ["v1, unknown", text("PROXY UNKNOWN\r\n"), "-"],
  ["v1, unknown with addresses", text("PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n"), "-"],
  ["v1, unknown and more", text("PROXY UNKNOWNS\r\n"), "malformed"],
  ["v1, lower case", text(V1.toLowerCase()), "malformed"],
  ["v1, other protocol", text(V1.replace("TCP4", "UDP4")), "malformed"],
  ["v1, families that do not fit", text(V1.replace("TCP4", "TCP6")), "malformed"],
  ["v1, no IPv4", text(V1.replace("203.0.113.9", "203.0.113.256")), "malformed"],
  ["v1, octal", text(V1.replace("203.0.113.9", "0203.0.113.9")), "malformed"],
  ["v1, a name", text(V1.replace("203.0.113.9", "example.com")), "malformed"],
  ["v1, a port too large", text(V1.replace("51234", "65536")), "malformed"],
  ["v1, a port with a zero in front", text(V1.replace("51234", "01234")), "malformed"],
  ["v1, a negative port", text(V1.replace("51234", "-1")), "malformed"],
  ["v1, two blanks", text(V1.replace("TCP4 ", "TCP4  ")), "malformed"],
  ["v1, a tab", text(V1.replace("TCP4 ", "TCP4\t")), "malformed"],
  ["v1, a field too many", text(V1.replace("\r", " 1\r")), "malformed"],
  ["v1, a field too few", text("PROXY TCP4 203.0.113.9 192.0.2.1 51234\r\n"), "malformed"],
  ["v1, a NUL", text(V1.replace("51234", "51\u000034")), "malformed"],
  ["v1, two lines in one", text(V1.replace("\r\n", `\n${V1}`)), "malformed"],
  ["v1 without CRLF, too long", text(V1.trim().padEnd(107, " ")), "malformed"],
  ["v1 with a CRLF too far", text(`${"PROXY UNKNOWN ".padEnd(106, "x")}\r\n`), "malformed"],
  ["v1, bare line feed", text(V1.replace("\r", "")), "more"],
  ["v2, IPv4", headerV2("203.0.113.9", 51_234), "203.0.113.9 51234"],
  [
    "v2, IPv6",
    v2(
      0x21,
      0x21,
      Buffer.concat([ipv6("20010db8000000000000000000000009"), ipv6("1"), Buffer.from([1, 0, 2, 0])]),
    ),
    "2001:db8::9 256",
  ],
  [
    "v2, IPv4 in IPv6",
    v2(0x21, 0x21, Buffer.concat([ipv6("ffffcb007109"), ipv6("1"), Buffer.alloc(4)])),
    "::ffff:203.0.113.9 0",
  ],
  ["v2, extensions", headerV2("203.0.113.9", 1, Buffer.from("0100026832", "hex")), "203.0.113.9 1"],
  ["v2, extensions that are none", headerV2("203.0.113.9", 1, Buffer.from("01ffff", "hex")), "203.0.113.9 1"],
  ["v2, most extensions", headerV2("203.0.113.9", 1, Buffer.alloc(4096 - 12)), "203.0.113.9 1"],
  ["v2, one byte more", headerV2("203.0.113.9", 1, Buffer.alloc(4096 - 11)), "malformed"],
  ["v2, longest", v2(0x21, 0x11, Buffer.alloc(65_535)), "malformed"],
  ["v2, LOCAL", v2(0x20, 0x00), "-"],
  ["v2, LOCAL with an address", v2(0x20, 0x11, Buffer.alloc(12, 1)), "-"],
  ["v2, LOCAL of a family that is none", v2(0x20, 0xff, Buffer.alloc(3)), "-"],
  ["v2, unspecified", v2(0x21, 0x00, Buffer.alloc(9)), "-"],
  ["v2, unix socket", v2(0x21, 0x31, Buffer.alloc(216)), "-"],
  ["v2, unix socket cut", v2(0x21, 0x31, Buffer.alloc(215)), "malformed"],
  ["v2, UDP", v2(0x21, 0x12, Buffer.alloc(12)), "malformed"],
  ["v2, IPv4 cut", v2(0x21, 0x11, Buffer.alloc(11)), "malformed"],
  ["v2, IPv6 cut", v2(0x21, 0x21, Buffer.alloc(35)), "malformed"],
  ["v2, no addresses", v2(0x21, 0x11), "malformed"],
  ["v2, unknown command", v2(0x22, 0x11, Buffer.alloc(12)), "malformed"],
  ["version 1 in binary", v2(0x11, 0x11, Buffer.alloc(12)), "malformed"],
  ["version 3", v2(0x31, 0x11, Buffer.alloc(12)), "malformed"],
  ["a signature that is nearly one", Buffer.concat([SIGNATURE.subarray(0, 11), text("\r")]), "malformed"],
  ["TLS", TLS, "malformed"],
  ["HTTP", text("GET / HTTP/1.1\r\n\r\n"), "malformed"],
  ["nothing", Buffer.alloc(0), "more"],
];

describe("readProxyHeader", () => {
  for (const [why, bytes, end] of rows) {
    it(`${why}: ${end}`, () => {
      expect(told(readProxyHeader(bytes))).to.equal(end);
      const followed = readProxyHeader(Buffer.concat([bytes, TLS]));
      if (end === "more") return;
      expect(told(followed)).to.equal(end);
      if (typeof followed !== "string") expect(followed.length).to.equal(bytes.length);
    });

    it(`${why}, byte by byte: the same, and never another`, () => {
      let result: HeaderResult = "more";
      for (let size = 0; size <= bytes.length && result === "more"; size++) {
        result = readProxyHeader(bytes.subarray(0, size));
        if (typeof result !== "string") expect(size).to.equal(bytes.length);
      }
      expect(told(result)).to.equal(end);
    });
  }

  it("needs no more than 4112 bytes to judge, whatever comes", () => {
    const start = fc.constantFrom(
      Buffer.alloc(0),
      SIGNATURE,
      Buffer.concat([SIGNATURE, Buffer.of(0x21, 0x11)]),
      text("PROXY TCP4 "),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ minLength: 4112, maxLength: 4200 }), (first, rest) => {
        expect(readProxyHeader(Buffer.concat([first, rest]))).to.not.equal("more");
      }),
    );
  });
});

describe("headerSources", () => {
  it("is nothing without ranges", () => expect(headerSources([])).to.equal(undefined));

  it("holds addresses of the ranges and no others", () => {
    const sources = headerSources([
      { address: "10.1.2.3", bits: 8, family: "ipv4" },
      { address: "192.0.2.7", bits: 32, family: "ipv4" },
      { address: "2001:db8::", bits: 32, family: "ipv6" },
    ]);
    if (sources === undefined) return expect.fail("no sources");
    for (const inside of ["10.0.0.0", "10.255.255.255", "192.0.2.7", "2001:db8:ffff::1"])
      expect(isHeaderSource(sources, inside), inside).to.equal(true);
    for (const outside of ["11.0.0.0", "9.255.255.255", "192.0.2.6", "2001:db9::", "::1", ""])
      expect(isHeaderSource(sources, outside), outside).to.equal(false);
  });
});
