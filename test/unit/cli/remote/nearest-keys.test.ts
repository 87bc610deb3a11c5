import { expect } from "chai";
import { nearestKeys } from "../../../../src/cli/remote/nearest-keys.js";
import type { ListOptions } from "../../../../src/client/types.js";
import { KesError } from "../../../../src/errors.js";

/** A client that lists `names` and then, if `end` is given, waits for it. */
function listing(names: Iterable<string>, end?: (options: ListOptions) => Promise<void>) {
  const seen = { asked: 0, left: false };
  const client = {
    async *listKeys(options: ListOptions = {}) {
      try {
        for (const name of names) {
          seen.asked++;
          yield name;
        }
        await end?.(options);
      } finally {
        seen.left = true;
      }
    },
  };
  return { client, seen };
}

const onAbort = ({ signal }: ListOptions): Promise<void> =>
  new Promise((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));

describe("cli/remote/nearest-keys", () => {
  const cases: readonly [key: string, names: readonly string[], hint: string][] = [
    ["my-kye", ["my-key", "other"], "keys with similar names: my-key"],
    ["MY-KEY", ["my-key"], "keys with similar names: my-key"],
    ["minio", ["minio-prod-key", "zebra"], "keys with similar names: minio-prod-key"],
    ["key-1", ["key-9", "key-8", "key-7", "key-12", "abc"], "keys with similar names: key-12, key-7, key-8"],
    ["nope", ["my-key", "raw"], "'kes key ls' lists the keys"],
    ["ab", ["xy", "q"], "'kes key ls' lists the keys"],
    ["my-key", [], "there is no key at all yet: 'kes key create NAME' makes one"],
  ];
  for (const [key, names, hint] of cases) {
    it(`${key} among ${names.join(" ") || "none"}: ${hint}`, async () => {
      expect(await nearestKeys(listing(names).client, key)).to.deep.equal([hint]);
    });
  }

  it("says nothing when the caller may not list", async () => {
    const { client } = listing([], async () => {
      throw new KesError("NOT_AUTHORIZED");
    });
    expect(await nearestKeys(client, "my-key")).to.deep.equal([]);
  });

  it("looks at a thousand names and no more", async () => {
    function* endless() {
      for (let i = 0; ; i++) yield `name-number-${i}`;
    }
    const { client, seen } = listing(endless());
    expect(await nearestKeys(client, "name-number-x")).to.have.length(1);
    expect(seen).to.deep.equal({ asked: 1000, left: true });
  });

  it("does with what it has after two seconds", async function () {
    this.slow(5_000);
    const { client } = listing(["my-key"], onAbort);
    const start = performance.now();
    expect(await nearestKeys(client, "my-kex")).to.deep.equal(["keys with similar names: my-key"]);
    expect(performance.now() - start).to.be.within(1_500, 10_000);
  });

  it("ends at once when the person ends the command", async () => {
    const controller = new AbortController();
    const reason = new Error("interrupted");
    const { client } = listing(["my-key"], (options) => {
      queueMicrotask(() => controller.abort(reason));
      return onAbort(options);
    });
    const failure = await nearestKeys(client, "my-kex", controller.signal).catch((error: unknown) => error);
    expect(failure).to.equal(reason);
  });
});
