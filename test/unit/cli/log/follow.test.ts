import { expect } from "chai";
import { follow } from "../../../../src/cli/log/follow.js";
import type { LogOptions } from "../../../../src/client/types.js";
import { FakeServer } from "../../../support/fake-server.js";
import { ManualTicker, settled } from "../../../support/manual-ticker.js";

/** Follows servers whose logs are played by hand; what happened is in `seen`. */
function play(
  names: readonly string[],
  onEvent: (event: string) => boolean = () => true,
  options: { readonly patient?: boolean; readonly enough?: AbortSignal } = {},
) {
  const ticker = new ManualTicker();
  const seen: string[] = [];
  const servers = names.map((name) => new FakeServer<string>(name));
  const abort = new AbortController();
  const ended = follow<string>(
    servers.map(({ target }) => target),
    {
      open: (target, options: LogOptions) => {
        const server = servers.find(({ name }) => name === target.name);
        if (server === undefined) throw new Error("no such server");
        return server.log.open(options);
      },
      onEvent: (event, { name }) => {
        seen.push(`${name} ${event}`);
        return onEvent(event);
      },
      onFirst: () => seen.push("first"),
      onNote: (text, { name }) => seen.push(`${name} note ${text}`),
      onRefused: async (error, { name }) => {
        seen.push(`${name} refused ${error instanceof Error ? error.message : error}`);
        if (names.length === 1) throw error;
      },
      ...(options.patient === true
        ? {
            patience: {
              ticker,
              isDown: (error: unknown) => error instanceof Error && error.message === "down",
              onDown: async (_error: unknown, { name }: { readonly name: string }) => {
                seen.push(`${name} down`);
              },
            },
          }
        : {}),
    },
    abort.signal,
    options.enough,
  );
  ended.catch(() => undefined);
  const server = (name: string): FakeServer<string> => {
    const found = servers.find((one) => one.name === name);
    if (found === undefined) throw new Error("no such server");
    return found;
  };
  return { seen, abort, ended, server, ticker };
}

const failure = async (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (e) => e,
  );

describe("cli/log/follow", () => {
  it("merges the events of all servers as they come", async () => {
    const { seen, server, abort, ended } = play(["a", "b"]);
    await settled();
    server("a").log.connect();
    server("b").log.connect();
    server("b").log.send("1");
    await settled();
    server("a").log.send("2");
    await settled();
    expect(seen).to.deep.equal(["first", "b 1", "a 2"]);
    const reason = new Error("interrupted");
    abort.abort(reason);
    expect(await failure(ended)).to.equal(reason);
  });

  it("notes a lost connection once, and that it is back", async () => {
    const { seen, server, abort } = play(["a"]);
    await settled();
    const { log } = server("a");
    log.connect();
    log.gap(new Error("reset"));
    log.gap(new Error("refused"));
    log.connect();
    log.gap();
    expect(seen).to.deep.equal([
      "first",
      "a note log stream lost: reset; connecting again",
      "a note connected again; events of the meantime are not shown",
      "a note log stream lost: the server ended it; connecting again",
    ]);
    abort.abort();
  });

  it("ends all when one event was enough", async () => {
    const { seen, server, ended } = play(["a", "b"], (event) => event !== "enough");
    await settled();
    server("a").log.send("one");
    server("b").log.send("enough");
    server("b").log.send("too late");
    await ended;
    expect(seen.filter((text) => text.includes("too late"))).to.deep.equal([]);
    expect(server("a").log.isOpen).to.equal(false);
  });

  it("goes on with the others when one server refuses, and ends when all have", async () => {
    const { seen, server, ended } = play(["a", "b"]);
    await settled();
    server("a").log.fail(new Error("no"));
    await settled();
    server("b").log.send("1");
    await settled();
    server("b").log.fail(new Error("neither"));
    await ended;
    expect(seen).to.deep.equal(["a refused no", "b 1", "b refused neither"]);
  });

  it("fails with what the refusal makes of it, and leaves no stream open", async () => {
    const { server, ended } = play(["a"]);
    await settled();
    const error = new Error("no");
    server("a").log.fail(error);
    expect(await failure(ended)).to.equal(error);
    expect(server("a").log.isOpen).to.equal(false);
  });

  it("tries a server that is down again while another one is followed, and says so once", async () => {
    const { seen, server, ticker, abort, ended } = play(["a", "b"], undefined, { patient: true });
    await settled();
    server("b").log.connect();
    server("a").log.fail(new Error("down"));
    await settled();
    await ticker.pass(5_000);
    expect(server("a").log.isOpen).to.equal(true);
    server("a").log.fail(new Error("down"));
    await ticker.pass(5_000);
    server("a").log.connect();
    server("a").log.send("1");
    await settled();
    expect(seen).to.deep.equal([...["first", "a down", "a note up: events are shown from now on", "a 1"]]);
    abort.abort(new Error("interrupted"));
    await failure(ended);
  });

  it("ends when nobody is left to wait for, with the names of those that are down", async () => {
    const { seen, server, ended } = play(["a", "b", "c"], undefined, { patient: true });
    await settled();
    server("a").log.fail(new Error("down"));
    await settled();
    server("b").log.connect();
    server("b").log.fail(new Error("no"));
    await settled();
    server("c").log.fail(new Error("down"));
    expect(await ended).to.deep.equal(["a", "c"]);
    expect(seen).to.deep.equal(["a down", "first", "b refused no", "c down"]);
  });

  it("ends without an error when there is enough", async () => {
    const enough = new AbortController();
    const { server, ended } = play(["a"], undefined, { enough: enough.signal });
    await settled();
    server("a").log.connect();
    enough.abort();
    expect(await ended).to.deep.equal([]);
    expect(server("a").log.isOpen).to.equal(false);
  });
});
