/** Must hold: every case of h2spec, the conformance tests that others wrote, against our own HTTP/2 over TLS. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Exchange } from "../../src/server/exchange.js";
import { run } from "../support/child-process.js";
import { type EngineServer, startEngineServer } from "../support/engine-server.js";
import { requireService } from "../support/services/index.js";

interface Case {
  readonly name: string;
  readonly end: "passed" | "skipped" | "failed";
}

describe("our own HTTP/2: h2spec", function () {
  this.timeout(120_000);
  let folder: string;
  let server: EngineServer;
  let cases: readonly Case[];

  before(async function () {
    const h2spec = requireService(this, "h2spec");
    folder = await mkdtemp(join(tmpdir(), "keswick-h2spec-"));
    // It cannot present a certificate: the engine alone, as the server has it once the handshake is done.
    server = await startEngineServer({ serve: answer, isOpen: true });
    const report = join(folder, "report.xml");
    const flags = ["--tls", "--insecure", "--strict", "--timeout", "5", "--junit-report", report];
    await run([h2spec, "--port", String(server.port), ...flags], { timeoutMs: 110_000 });
    cases = casesOf(await readFile(report, "utf8"));
  });
  after(async () => {
    await server?.close();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  it("has run whole", () => expect(cases).to.have.length(146));

  it("fails no case", () => expect(named("failed")).to.deep.equal([]));

  it("skips no case", () => expect(named("skipped")).to.deep.equal([]));

  it("leaves no connection behind", async () => {
    const deadline = performance.now() + 10_000;
    while (server.size > 0 && performance.now() < deadline) await new Promise((done) => setTimeout(done, 25));
    expect(server.size).to.equal(0);
  });

  function named(end: Case["end"]): string[] {
    return cases.filter((one) => one.end === end).map(({ name }) => name);
  }
});

/** Answers with a body long enough for the cases of flow control. */
function answer(exchange: Exchange): void {
  const reply = (): void => {
    exchange.reply(200, { "content-type": "text/plain" }, "an answer of some length");
    exchange.finished();
  };
  if (exchange.bodyless) reply();
  else exchange.readBody(100_000, reply);
}

/** The cases of a JUnit report. */
function casesOf(xml: string): Case[] {
  return [...xml.matchAll(/<testcase\b([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)].map(
    ([, attributes = "", content = ""]) => {
      const text = (key: string): string => new RegExp(`\\b${key}="([^"]*)"`).exec(attributes)?.[1] ?? "";
      const isFailed = /<(failure|error)\b/.test(content);
      const end = isFailed ? "failed" : content.includes("<skipped") ? "skipped" : "passed";
      return { name: `${text("package")} ${text("classname")}`, end };
    },
  );
}
