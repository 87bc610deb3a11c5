import { expect } from "chai";
import type { Clock } from "../../../src/client/clock.js";
import { parseEndpoints } from "../../../src/client/endpoints.js";
import { type Candidate, Failover } from "../../../src/client/failover.js";
import { type Nearness, nearnessOf } from "../../../src/client/nearness.js";

const REST_MS = 30_000;

class Endpoint implements Candidate {
  readonly name: string;
  readonly #nearness: Nearness;
  probes = 0;
  isBack = false;

  constructor(name: string, nearness: Nearness = 2) {
    this.name = name;
    this.#nearness = nearness;
  }

  async probe(): Promise<boolean> {
    this.probes++;
    return this.isBack;
  }

  async nearness(): Promise<Nearness> {
    return this.#nearness;
  }
}

class FakeClock implements Clock {
  nowMs = 1_000;
  chance = 0;
  now = (): number => this.nowMs;
  wallNow = (): number => this.nowMs;
  random = (): number => this.chance;
  after(): () => void {
    return () => {};
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe("failover", () => {
  const setUp = async (...endpoints: Endpoint[]) => {
    const clock = new FakeClock();
    const failover = new Failover(endpoints, clock, REST_MS);
    await failover.rank();
    return {
      clock,
      failover,
      order: () =>
        failover
          .order()
          .map(({ name }) => name)
          .join(" "),
    };
  };

  it("takes equals in turns", async () => {
    const { order } = await setUp(new Endpoint("a"), new Endpoint("b"), new Endpoint("c"));
    expect([order(), order(), order(), order()]).to.deep.equal(["a b c", "b c a", "c a b", "a b c"]);
  });

  it("begins anywhere", async () => {
    const firsts = new Set(
      [0, 0.34, 0.67, 0.999].map((chance) => {
        const clock = new FakeClock();
        clock.chance = chance;
        return new Failover(
          [new Endpoint("a"), new Endpoint("b"), new Endpoint("c")],
          clock,
          REST_MS,
        ).order()[0]?.name;
      }),
    );
    expect([...firsts].sort()).to.deep.equal(["a", "b", "c"]);
  });

  it("prefers the nearer, with turns among equals", async () => {
    const { order } = await setUp(
      new Endpoint("far1"),
      new Endpoint("net1", 1),
      new Endpoint("far2"),
      new Endpoint("self", 0),
      new Endpoint("net2", 1),
    );
    expect(order()).to.equal("self net1 net2 far1 far2");
    expect(order()).to.equal("self net2 net1 far2 far1");
  });

  it("leaves alone what failed, and asks it last", async () => {
    const [a, b, c] = [new Endpoint("a", 0), new Endpoint("b"), new Endpoint("c")];
    const { failover, order } = await setUp(a, b, c);
    failover.failed(a);
    expect([order(), order()]).to.deep.equal(["b c a", "c b a"]);
    failover.failed(b);
    failover.failed(c);
    // All at rest: each once, the nearest first.
    expect(order().split(" ")).to.have.members(["a", "b", "c"]);
    expect(order().startsWith("a")).to.equal(true);
    failover.succeeded(c);
    expect(order().split(" ")[0]).to.equal("c");
  });

  it("probes what has rested, once at a time, and takes it back when it answers", async () => {
    const [a, b] = [new Endpoint("a"), new Endpoint("b")];
    const { clock, failover, order } = await setUp(a, b);
    failover.failed(a);
    clock.nowMs += REST_MS - 1;
    expect(order()).to.equal("b a");
    expect(a.probes).to.equal(0);

    clock.nowMs += 1;
    expect([order(), order(), order()]).to.deep.equal(["b a", "b a", "b a"]);
    expect(a.probes).to.equal(1);
    await settled();
    // It did not answer: another rest.
    expect(order()).to.equal("b a");
    expect(a.probes).to.equal(1);

    clock.nowMs += REST_MS;
    a.isBack = true;
    order();
    await settled();
    expect(a.probes).to.equal(2);
    expect(new Set([order(), order()])).to.deep.equal(new Set(["a b", "b a"]));
    expect(b.probes).to.equal(0);
  });

  it("does not let a probe undo what a call found out", async () => {
    const [a, b] = [new Endpoint("a"), new Endpoint("b")];
    const { clock, failover, order } = await setUp(a, b);
    failover.failed(a);
    clock.nowMs += REST_MS;
    order();
    failover.succeeded(a);
    await settled();
    expect(new Set([order(), order()])).to.deep.equal(new Set(["a b", "b a"]));
  });

  it("never leaves the only one alone", async () => {
    const only = new Endpoint("only");
    const { failover, order } = await setUp(only);
    failover.failed(only);
    expect(order()).to.equal("only");
    expect(only.probes).to.equal(0);
  });
});

describe("nearness", () => {
  const table: readonly (readonly [address: string, nearness: Nearness])[] = [
    ["localhost", 0],
    ["127.0.0.1", 0],
    ["127.3.4.5", 0],
    ["[::1]", 0],
    ["192.168.7.9", 0],
    ["192.168.7.10", 1],
    ["192.168.8.1", 2],
    ["[fd00::2]", 1],
    ["[fd01::2]", 2],
    ["self.example.com", 0],
    ["peer.example.com", 1],
    ["far.example.com", 2],
    ["unknown.example.com", 2],
  ];
  const names: Readonly<Record<string, string>> = {
    "self.example.com": "192.168.7.9",
    "peer.example.com": "192.168.7.77",
    "far.example.com": "198.51.100.1",
  };
  const surroundings = {
    resolve: async (host: string) => names[host] ?? Promise.reject(new Error("ENOTFOUND")),
    addresses: () => ["127.0.0.1/8", "192.168.7.9/24", "fd00::1/64", "::1/128"],
  };
  for (const [address, nearness] of table) {
    it(`of ${address} is ${nearness}`, async () => {
      const [endpoint] = parseEndpoints(address);
      expect(await nearnessOf(endpoint, surroundings, new FakeClock())).to.equal(nearness);
    });
  }

  it("of a name that is looked up for too long is 2", async () => {
    const [endpoint] = parseEndpoints("slow.example.com");
    const clock = new FakeClock();
    let late = (): void => {};
    clock.after = (_ms?: number, task?: () => void) => {
      late = task ?? late;
      return () => {};
    };
    const found = nearnessOf(endpoint, { ...surroundings, resolve: () => new Promise(() => {}) }, clock);
    late();
    expect(await found).to.equal(2);
  });

  it("is 2 where the machine does not tell its addresses, and for one with a zone", async () => {
    const forbidden = {
      ...surroundings,
      addresses: (): never => {
        throw new Error("uv_interface_addresses returned Unknown system error 13");
      },
    };
    const [far] = parseEndpoints("far.example.com");
    expect(await nearnessOf(far, forbidden, new FakeClock())).to.equal(2);
    const zoned = { ...surroundings, resolve: async () => "fe80::1%eth0" };
    expect(await nearnessOf(far, zoned, new FakeClock())).to.equal(2);
  });
});
