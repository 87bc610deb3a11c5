import { expect } from "chai";
import { type Connect, peersOf } from "../../../../src/cli/server/peers.js";
import type { ApiReply, ApiRequest } from "../../../../src/client/transport.js";
import type { ClusterConfig, Config } from "../../../../src/config/config.js";
import { KesError } from "../../../../src/errors.js";
import { until } from "../../../support/child-process.js";
import { named } from "../../../support/keystore.js";
import { settled } from "../../../support/manual-ticker.js";

const reply = (status: number, body = ""): ApiReply => ({
  ...{ status, contentType: "application/json", endpoint: "https://b:7373", elapsedMs: 1 },
  body: Buffer.from(body),
});

/** Nodes whose answers are played by hand. */
function site(peers: readonly string[] = ["https://b:7373"]) {
  const logged: string[] = [];
  const sent: string[] = [];
  const waiting: { readonly url: string; resolve(reply: ApiReply): void; reject(error: unknown): void }[] =
    [];
  const state = { opened: 0, closed: 0, nowMs: 0, isManual: false, answer: reply(200) as ApiReply | Error };
  const connect: Connect = async (_cluster, url) => {
    state.opened++;
    return {
      identity: "ab".repeat(32) as never,
      send: (request: ApiRequest) => {
        sent.push(`${url} ${request.method} ${request.path}`);
        if (state.isManual)
          return new Promise<ApiReply>((resolve, reject) => waiting.push({ url, resolve, reject }));
        return state.answer instanceof Error ? Promise.reject(state.answer) : Promise.resolve(state.answer);
      },
      close: async () => {
        state.closed++;
      },
    };
  };
  const notifier = peersOf(
    {
      info: (message) => logged.push(`info ${message}`),
      warn: (message) => logged.push(`warn ${message}`),
    },
    connect,
    () => state.nowMs,
  );
  const cluster = (list: readonly string[]): ClusterConfig => ({ peers: list, certFile: "c", keyFile: "k" });
  const use = (list: readonly string[] | undefined): void =>
    notifier.use({ cluster: list === undefined ? undefined : cluster(list) } as Config);
  use(peers);
  return { notifier, use, logged, sent, waiting, state };
}

describe("cli/server/peers", () => {
  it("tells every node, and connects to none before there is something to tell", async () => {
    const { notifier, sent, state } = site(["https://b:7373", "https://c:7373"]);
    await settled();
    expect(state.opened).to.equal(0);
    notifier.tell(named("alpha"));
    await settled();
    expect(sent.sort()).to.deep.equal([
      "https://b:7373 PUT /v1/key/changed/alpha",
      "https://c:7373 PUT /v1/key/changed/alpha",
    ]);
    await notifier.close();
    expect(state.closed).to.equal(2);
  });

  it("does not wait for a node, has eight messages under way at most, and tells of each key once", async () => {
    const { notifier, sent, waiting, state } = site();
    state.isManual = true;
    for (let round = 0; round < 3; round++) for (let i = 0; i < 20; i++) notifier.tell(named(`key-${i}`));
    await settled();
    expect(sent).to.have.length(8);
    while (waiting.length > 0) {
      waiting.shift()?.resolve(reply(200));
      await settled();
    }
    // Those that were under way when the key changed again are told again.
    expect(new Set(sent).size).to.equal(20);
    expect(sent.length).to.be.within(20, 28);
    await notifier.close();
  });

  it("says once in a while that a node is not reached, drops what waits, and says when it is back", async () => {
    const { notifier, logged, sent, state } = site();
    state.answer = new KesError("ENDPOINT_UNREACHABLE", ["https://b:7373", "connection refused"]);
    for (let i = 0; i < 30; i++) notifier.tell(named(`key-${i}`));
    await settled();
    const tried = sent.length;
    expect(tried).to.be.at.most(30);
    notifier.tell(named("late"));
    await settled();
    expect(logged).to.have.length(1);
    expect(logged[0]).to.match(
      /^warn the node https:\/\/b:7373 cannot be told of changed keys: .*connection refused/,
    );
    state.nowMs += 60_001;
    notifier.tell(named("later"));
    await settled();
    expect(logged).to.have.length(2);
    state.answer = reply(200);
    notifier.tell(named("back"));
    await settled();
    expect(logged[2]).to.match(
      /^info the node https:\/\/b:7373 is told of changed keys again; 32 were not told/,
    );
    await notifier.close();
  });

  it("says who must be allowed what when a node refuses", async () => {
    const { notifier, logged, state } = site();
    state.answer = reply(403, '{"message":"not authorized: insufficient permissions"}');
    notifier.tell(named("alpha"));
    // What words a refusal is loaded with the first one.
    await until("the warning", async () => logged.length > 0);
    expect(logged[0]).to.include(
      `not authorized: insufficient permissions; a policy there must allow ${"ab".repeat(32)} /v1/key/changed/*`,
    );
    await notifier.close();
  });

  it("holds no more names than it may", async () => {
    const { notifier, waiting, logged, state } = site();
    state.isManual = true;
    for (let i = 0; i < 10_050; i++) notifier.tell(named(`key-${i}`));
    await settled();
    expect(waiting).to.have.length(8);
    waiting.shift()?.resolve(reply(200));
    await settled();
    expect(logged[0]).to.include("; 42 were not told");
    await notifier.close();
  });

  it("follows the configuration, and keeps its connections where nothing has changed", async () => {
    const { notifier, use, sent, state } = site();
    notifier.tell(named("alpha"));
    await settled();
    use(["https://b:7373"]);
    notifier.tell(named("beta"));
    await settled();
    expect(state).to.include({ opened: 1, closed: 0 });
    use(["https://c:7373"]);
    notifier.tell(named("gamma"));
    await settled();
    expect(state).to.include({ opened: 2, closed: 1 });
    expect(sent.at(-1)).to.equal("https://c:7373 PUT /v1/key/changed/gamma");
    use(undefined);
    notifier.tell(named("delta"));
    await settled();
    expect(sent).to.have.length(3);
    await notifier.close();
    expect(state.closed).to.equal(2);
  });

  it("says nothing of what it gave up because it was closed", async () => {
    const { notifier, logged, waiting, state } = site();
    state.isManual = true;
    notifier.tell(named("alpha"));
    await settled();
    await notifier.close();
    waiting[0]?.reject(new KesError("CLIENT_CLOSED"));
    await settled();
    expect(logged).to.deep.equal([]);
  });
});
