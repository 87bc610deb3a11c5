/** Attacks over HTTP/2, most of them on the way to HTTP/1.1, and attacks below HTTP. */
import { dataFrame, h2Start, headersFrame, requestFields } from "../attacks.js";
import { certificateAuthority, issuedBy } from "../certificates.js";
import { headerV2 } from "../proxy-protocol.js";
import { END_HEADERS, END_STREAM, encode, type Fields, frame, HEADERS } from "../raw-http2.js";
import { type Attack, type Cast, forwarded, type SmugglingRow, SPOOFED_IP, WHO } from "./row.js";

const HEADER = "x-tls-client-cert";

function stream(fields: Fields, body?: string, trailers?: Fields): Attack {
  const frames = [h2Start(), headersFrame(0, fields, body !== undefined || trailers !== undefined)];
  if (body !== undefined) frames.push(dataFrame(0, Buffer.from(body, "latin1"), trailers === undefined));
  if (trailers !== undefined) frames.push(frame(HEADERS, END_HEADERS | END_STREAM, 1, encode(trailers)));
  return { protocol: "h2", bytes: Buffer.concat(frames) };
}

const get = (...more: Fields): Attack => stream([...requestFields("GET", WHO), ...more]);
const put = (body: string, ...more: Fields): Attack =>
  stream([...requestFields("PUT", "/v1/key/generate/theirs"), ...more], body);

/** The request with one pseudo-header changed. */
const changed = (name: string, value: string): Attack =>
  stream(requestFields("GET", WHO).map((field) => (field[0] === name ? [name, value] : field)));

const inner = ({ victim }: Cast): string =>
  `GET ${WHO} HTTP/1.1\r\nHost: localhost\r\n${HEADER}: ${forwarded.pem(victim)}\r\n\r\n`;

type Entry = readonly [why: string, attack: (cast: Cast, pem: string) => Attack];

const streams: readonly Entry[] = [
  ["the certificate", (_, pem) => get([HEADER, pem])],
  ["twice", (_, pem) => get([HEADER, pem], [HEADER, pem])],
  ["the own one first", ({ attacker }, pem) => get([HEADER, forwarded.pem(attacker)], [HEADER, pem])],
  ["the name in capitals", (_, pem) => get(["X-Tls-Client-Cert", pem])],
  ["the name with underscores", (_, pem) => get(["x_tls_client_cert", pem])],
  ["the name with a blank behind it", (_, pem) => get([`${HEADER} `, pem])],
  ["the name with a colon behind it", (_, pem) => get([`${HEADER}: ${pem}`, "x"])],
  ["a line end in a name", (_, pem) => get([`x-a\r\n${HEADER}`, pem])],
  ["a line end in a value", (_, pem) => get(["x-a", `b\r\n${HEADER}: ${pem}`])],
  ["a bare LF in a value", (_, pem) => get(["x-a", `b\n${HEADER}: ${pem}`])],
  ["a bare CR in a value", (_, pem) => get(["x-a", `b\r${HEADER}: ${pem}`])],
  ["a NUL in a value", (_, pem) => get(["x-a", `b\0${HEADER}: ${pem}`])],
  ["a request in a value", (cast) => get(["x-a", `b\r\n\r\n${inner(cast)}`])],
  ["in the path", (_, pem) => changed(":path", `${WHO} HTTP/1.1\r\n${HEADER}: ${pem}\r\nx: y`)],
  ["in the path behind a blank", (_, pem) => changed(":path", `${WHO} ${HEADER}: ${pem}`)],
  ["in the method", (cast) => changed(":method", `${inner(cast)}GET`)],
  ["in the authority", (_, pem) => changed(":authority", `localhost\r\n${HEADER}: ${pem}`)],
  ["in the scheme", (cast) => changed(":scheme", `https://localhost${WHO} HTTP/1.1\r\n\r\n${inner(cast)}`)],
  ["a pseudo-header behind others", (_, pem) => get([HEADER, pem], [":path", "/version"])],
  ["a pseudo-header that is none", (_, pem) => get([`:${HEADER}`, pem])],
  ["Connection", (_, pem) => get(["connection", HEADER], [HEADER, pem])],
  ["Transfer-Encoding", (cast) => put(`0\r\n\r\n${inner(cast)}`, ["transfer-encoding", "chunked"])],
  ["a length that is too small", (cast) => put(inner(cast), ["content-length", "0"])],
  ["a length that is too large", (cast) => put("", ["content-length", String(inner(cast).length)])],
  ["in trailers", (_, pem) => stream(requestFields("PUT", "/v1/key/generate/theirs"), "{}", [[HEADER, pem]])],
  ["X-Forwarded-For", () => get(["x-forwarded-for", SPOOFED_IP], ["forwarded", `for=${SPOOFED_IP}`])],
  [
    "an extended CONNECT",
    (cast) => ({
      ...stream(
        [
          [":method", "CONNECT"],
          [":protocol", "websocket"],
          [":scheme", "https"],
          [":path", WHO],
          [":authority", "localhost"],
        ],
        inner(cast),
      ),
    }),
  ],
];

const who = get().bytes;
const h1 = Buffer.from(`GET ${WHO} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
const v1 = Buffer.from(`PROXY TCP4 ${SPOOFED_IP} 127.0.0.1 1 2\r\n`);

const below: readonly Entry[] = [
  [
    "TLS: the victim's certificate second",
    ({ attacker, victim }) => ({ protocol: "h2", bytes: who, chain: attacker.certPem + victim.certPem }),
  ],
  [
    "TLS: the proxy's certificate second, and the header",
    ({ attacker, proxy }, pem) => ({ ...get([HEADER, pem]), chain: attacker.certPem + proxy.certPem }),
  ],
  [
    "TLS: a CA of his own, then the victim's",
    ({ victim, attacker }) => {
      const ca = certificateAuthority({ key: attacker.key });
      return { protocol: "h2", bytes: who, chain: ca.certPem + victim.certPem };
    },
  ],
  [
    "TLS: issued by himself in the victim's name",
    ({ attacker }) => {
      const own = issuedBy(certificateAuthority({ cn: "victim" }), { cn: "victim", key: attacker.key });
      return { protocol: "http/1.1", bytes: h1, chain: own.certPem };
    },
  ],
  ["TCP: a PROXY header, version 1", () => ({ protocol: "http/1.1", bytes: h1, before: v1 })],
  [
    "TCP: a PROXY header, version 2",
    () => ({ protocol: "http/1.1", bytes: h1, before: headerV2(SPOOFED_IP, 1) }),
  ],
  [
    "TCP: the signature of version 2 alone",
    () => ({ protocol: "http/1.1", bytes: h1, before: headerV2(SPOOFED_IP, 1).subarray(0, 12) }),
  ],
];

export const http2Rows: readonly SmugglingRow[] = [
  ...streams.map(([why, attack]) => [`h2: ${why}`, attack] as const),
  ...below,
].map(([why, attack]) => ({ why, attack: (cast) => attack(cast, forwarded.pem(cast.victim)) }));
