/** All trials. A new one is a row here, and where the product has no switch for it a branch of `preload.mjs`. */
import { constants } from "node:crypto";
import type { Load, Trial } from "./trial.js";

const ONE_AT_A_TIME: readonly Load[] = ["h2, 1 × 1", "h2, 1 × 16", "h1, 16 connections"];
const NODE_SUITES = { label: "AES-256-GCM first, as Node has it" };

export const TRIALS: readonly Trial[] = [
  {
    id: "control",
    title: "Control: twice the same, for how far figures are off by themselves",
    engine: "keswick",
    asItIs: { label: "as it is" },
    others: [{ label: "the same" }],
    loads: ["h2, 1 × 1", "h2, 1 × 16", "h2, 64 × 1", "h1, 16 connections", "bulk", "handshake, full"],
  },
  {
    id: "nodelay",
    title: "TCP: `noDelay`",
    engine: "keswick",
    asItIs: { label: "on" },
    others: [{ label: "off", patch: { noDelay: false } }],
    loads: [...ONE_AT_A_TIME, "bulk"],
  },
  {
    id: "turn",
    title: "Own HTTP/2: when answers are written",
    engine: "keswick",
    asItIs: { label: "by turn or by read, as the client asks" },
    others: [
      { label: "all of a turn together", patch: { http2Flush: "turn" } },
      { label: "all of a read together", patch: { http2Flush: "read" } },
      { label: "each by itself", patch: { http2Flush: "each" } },
    ],
    loads: ["h2, 1 × 1", "h2, 1 × 16", "h2, 64 × 1"],
  },
  {
    id: "parts-own",
    title: "Own HTTP/1.1: an answer's head and body",
    engine: "keswick",
    asItIs: { label: "one write" },
    others: [{ label: "two writes", patch: { http1Parts: "own" } }],
    loads: ["h1, 16 connections"],
  },
  {
    id: "parts-node",
    title: "`node:http`: an answer's head and body",
    engine: "node",
    asItIs: { label: "one write" },
    others: [{ label: "two writes", patch: { http1Parts: "node" } }],
    loads: ["h1, 16 connections"],
  },
  {
    id: "fragment",
    title: "TLS: bytes of a record at most",
    engine: "keswick",
    asItIs: { label: "16384" },
    others: [
      { label: "4096", patch: { maxSendFragment: 4_096 } },
      { label: "1400", patch: { maxSendFragment: 1_400 } },
    ],
    loads: ["h2, 1 × 16", "h2, 1 × 64", "bulk"],
  },
  {
    id: "suites",
    title: "TLS 1.3: cipher suite (Go's client prefers AES-128-GCM)",
    engine: "keswick",
    asItIs: NODE_SUITES,
    others: [
      { label: "AES-128-GCM", patch: { secureContext: { ciphers: "TLS_AES_128_GCM_SHA256" } } },
      { label: "ChaCha20-Poly1305", patch: { secureContext: { ciphers: "TLS_CHACHA20_POLY1305_SHA256" } } },
    ],
    loads: ["h2, 1 × 1", "h2, 1 × 16", "bulk", "handshake, full"],
  },
  {
    id: "order",
    title: "TLS: who chooses the suite",
    engine: "keswick",
    asItIs: { label: "the server" },
    others: [{ label: "the client", patch: { secureContext: { honorCipherOrder: false } } }],
    loads: ["h2, 1 × 16", "handshake, full"],
  },
  {
    id: "curves",
    title: "TLS: key exchange",
    engine: "keswick",
    asItIs: { label: "X25519 first, as OpenSSL has it" },
    others: [
      { label: "X25519 alone", patch: { secureContext: { ecdhCurve: "X25519" } } },
      { label: "P-256 alone", patch: { secureContext: { ecdhCurve: "P-256" } } },
    ],
    loads: ["handshake, full"],
  },
  {
    id: "certificates",
    title: "TLS: the server's key",
    engine: "keswick",
    asItIs: { label: "P-256" },
    others: [
      { label: "Ed25519", serverKey: "ed25519" },
      { label: "RSA, 2,048 bits", serverKey: "rsa" },
    ],
    loads: ["handshake, full"],
  },
  {
    id: "tickets",
    title: "TLS: session tickets of a full handshake",
    engine: "keswick",
    asItIs: { label: "2" },
    others: [
      { label: "1", openssl: { NumTickets: "1" } },
      { label: "none", openssl: { NumTickets: "0" }, resumes: false },
    ],
    loads: ["handshake, full", "handshake, resumed"],
  },
  {
    id: "version",
    title: "TLS: version",
    engine: "keswick",
    asItIs: { label: "1.3" },
    others: [{ label: "1.2", patch: { secureContext: { maxVersion: "TLSv1.2" } } }],
    loads: ["handshake, full", "handshake, resumed"],
  },
  {
    id: "options",
    title: "OpenSSL: `secureOptions`",
    engine: "keswick",
    asItIs: { label: "as it is" },
    others: [
      {
        label: "NO_TICKET, NO_RENEGOTIATION",
        patch: {
          secureContext: { secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION },
        },
        resumes: false,
      },
    ],
    loads: ["h2, 1 × 16", "handshake, full"],
  },
  ...(["keswick", "node"] as const).map(
    (engine): Trial => ({
      id: `young-${engine}`,
      title: `V8: MiB of each half of the young generation, ${engine} engine`,
      engine,
      asItIs: { label: "1 to 16" },
      others: [
        ...["2", "4", "32", "64"].map((label) => ({
          label,
          nodeOptions: [`--max-semi-space-size=${label}`],
        })),
        { label: "16 from the start", nodeOptions: ["--min-semi-space-size=16"] },
      ],
      loads: ["h2, 1 × 16", "h2, 64 × 1", "bulk"],
    }),
  ),
  ...(["keswick", "node"] as const).map(
    (engine): Trial => ({
      id: `collector-${engine}`,
      title: `V8: threads of the garbage collector, ${engine} engine`,
      engine,
      asItIs: { label: "as V8 has it" },
      others: [
        { label: "one", nodeOptions: ["--single-threaded-gc"] },
        { label: "one for the young generation", nodeOptions: ["--no-parallel-scavenge"] },
        { label: "none that marks beside requests", nodeOptions: ["--no-concurrent-marking"] },
      ],
      loads: ["h2, 1 × 16", "h2, 64 × 1", "bulk"],
    }),
  ),
  {
    id: "pool",
    title: "libuv: `UV_THREADPOOL_SIZE`",
    engine: "keswick",
    asItIs: { label: "4" },
    others: ["1", "16"].map((label) => ({ label, env: { UV_THREADPOOL_SIZE: label } })),
    loads: ["h2, 1 × 16", "handshake, full"],
  },
];
