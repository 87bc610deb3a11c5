import { expect } from "chai";
import { openMemoryKeystore } from "../../../../keystores/memory/index.js";
import { type CheckOptions, checkKeystore, type ProbeResult } from "../../../../src/cli/keystore/check.js";
import { isUsable, printCheck, printCheckJson } from "../../../../src/cli/keystore/check-report.js";
import { secureRandom } from "../../../../src/crypto/random.js";
import { UsageError } from "../../../../src/errors.js";
import type { Keystore } from "../../../../src/keystore/contract.js";
import { captured } from "../../../support/captured-output.js";
import { FaultyKeystore, type Rule } from "../../../support/faulty-keystore.js";
import { errorOf } from "../../../support/keystore.js";
import { plainStyle } from "../../../support/plain-style.js";
import { QuickTicker } from "../../../support/quick-ticker.js";

async function check(
  keystore: Keystore,
  options: Partial<CheckOptions> = {},
): Promise<{ readonly results: readonly ProbeResult[]; readonly leftover: string | undefined }> {
  let leftover: string | undefined;
  const results = await checkKeystore(keystore, {
    permissions: undefined,
    prefix: undefined,
    random: secureRandom,
    ticker: new QuickTicker(),
    signal: new AbortController().signal,
    now: () => performance.now(),
    onLeftover: (name) => {
      leftover = name;
    },
    ...options,
  });
  return { results, leftover };
}

const names = async (keystore: Keystore): Promise<readonly string[]> =>
  (await keystore.list({ prefix: "", limit: 100 })).names;
const failing = (results: readonly ProbeResult[]): string[] =>
  results.filter(({ outcome }) => outcome === "failed").map(({ probe }) => probe);

describe("cli/keystore/check", () => {
  it("is content with a keystore that works, and leaves nothing", async () => {
    const keystore = openMemoryKeystore();
    const { results, leftover } = await check(keystore);
    expect(results.map(({ probe, outcome }) => `${probe} ${outcome}`)).to.deep.equal([
      ...["status ok", "read ok", "list ok", "delete ok", "create ok", "guard ok", "remove ok"],
    ]);
    expect([await names(keystore), leftover]).to.deep.equal([[], undefined]);
    expect(results.find(({ probe }) => probe === "read")?.timesMs).to.have.length(20);
  });

  const fail = { kind: "fail", code: "KEYSTORE_UNAVAILABLE" } as const;
  const table: readonly (readonly [what: string, script: Rule[], failed: string[]])[] = [
    ["a status that fails", [{ method: "status", fault: fail }], ["status"]],
    ["reads that fail", [{ method: "get", fault: fail }], ["read"]],
    ["lists that fail", [{ method: "list", fault: fail }], ["list"]],
    ["creates that fail", [{ method: "create", fault: fail }], ["create"]],
    [
      "a create of which nobody knows, done",
      [{ method: "create", call: 1, fault: { kind: "uncertain", done: true } }],
      ["create"],
    ],
    [
      "a create of which nobody knows, not done",
      [{ method: "create", call: 1, fault: { kind: "uncertain", done: false } }],
      ["create"],
    ],
    ["values that read back otherwise", [{ method: "get", fault: { kind: "lie" } }], ["create"]],
    ["a value that is torn", [{ method: "create", call: 1, fault: { kind: "tear", bytes: 5 } }], ["create"]],
    ["a read in the middle that fails", [{ method: "get", call: 9, fault: fail }], ["read"]],
  ];
  for (const [what, script, failed] of table) {
    it(`finds ${what}, and leaves nothing`, async () => {
      const memory = openMemoryKeystore();
      const { results, leftover } = await check(new FaultyKeystore(memory, script));
      expect(failing(results)).to.include.members(failed);
      expect([await names(memory), leftover]).to.deep.equal([[], undefined]);
    });
  }

  it("makes no key when it could not take it away", async () => {
    const memory = openMemoryKeystore();
    const faulty = new FaultyKeystore(memory, [{ method: "delete", fault: fail }]);
    const { results } = await check(faulty);
    expect(failing(results)).to.deep.equal(["delete"]);
    expect(results.filter(({ outcome }) => outcome === "skipped").map(({ probe }) => probe)).to.deep.equal([
      ...["create", "guard", "remove"],
    ]);
    expect(faulty.calls.create).to.equal(0);
  });

  it("names the key that is left when the delete fails later", async () => {
    const memory = openMemoryKeystore();
    const { results, leftover } = await check(
      new FaultyKeystore(memory, [{ method: "delete", call: 2, fault: fail }]),
    );
    expect(failing(results)).to.deep.equal(["remove"]);
    expect(await names(memory)).to.deep.equal([leftover]);
  });

  it("finds a keystore that overwrites, and a delete that deletes nothing", async () => {
    const memory = openMemoryKeystore();
    const overwriting: Keystore = Object.assign(Object.create(memory), {
      description: "x",
      abilities: memory.abilities,
      status: () => memory.status(),
      get: (name: Parameters<Keystore["get"]>[0]) => memory.get(name),
      list: (options: Parameters<Keystore["list"]>[0]) => memory.list(options),
      delete: (name: Parameters<Keystore["delete"]>[0]) => memory.delete(name),
      async create(name: Parameters<Keystore["create"]>[0], value: Uint8Array) {
        await memory.delete(name).catch(() => undefined);
        await memory.create(name, value);
      },
    });
    expect(failing((await check(overwriting)).results)).to.include("guard");
    const lazy = new FaultyKeystore(openMemoryKeystore(), [
      { method: "delete", call: 2, fault: { kind: "lie" } },
    ]);
    const { results, leftover } = await check(lazy);
    expect(failing(results)).to.deep.equal(["remove"]);
    expect(leftover).to.match(/^_keswick_check_[0-9a-f]{32}$/);
  });

  it("cleans up after Ctrl-C", async () => {
    const memory = openMemoryKeystore();
    const controller = new AbortController();
    const faulty = new FaultyKeystore(memory, [{ method: "get", call: 5, fault: { kind: "hang" } }]);
    const checking = errorOf(check(faulty, { signal: controller.signal }));
    while (faulty.hanging === 0) await new Promise(setImmediate);
    expect(await names(memory)).to.have.length(1);
    controller.abort(new Error("Ctrl-C"));
    await checking;
    expect(await names(memory)).to.deep.equal([]);
  });

  it("gives its key a name that begins as asked for", async () => {
    const keystore = openMemoryKeystore();
    const faulty = new FaultyKeystore(keystore, [{ method: "delete", call: 2, fault: fail }]);
    expect((await check(faulty, { prefix: "minio-" })).leftover).to.match(/^minio-[0-9a-f]{32}$/);
    for (const prefix of ["-x", "a.b", "x".repeat(49)]) {
      expect(await errorOf(check(keystore, { prefix })), prefix).to.be.instanceOf(UsageError);
    }
  });

  it("prints the missing lines once, for people and for programs", () => {
    const lacking = { outcome: "failed", timesMs: [1], reason: "403", remedy: "allow it" } as const;
    const facts = {
      file: "/etc/kes.yml",
      keystore: "Hashicorp Vault: https://vault",
      results: [
        { probe: "open", outcome: "ok", timesMs: [12.345] },
        { probe: "read", ...lacking },
        { probe: "create", ...lacking },
        { probe: "remove", outcome: "skipped", timesMs: [], reason: "there was nothing to remove" },
      ],
      leftover: undefined,
    } as const;
    expect(isUsable(facts)).to.equal(false);
    const text = captured();
    printCheck(text.context.output, plainStyle, facts);
    expect(text.stdout()).to.equal(
      [
        "Key store  Hashicorp Vault: https://vault",
        "ok         log in  12.35 ms",
        "FAILED     read a key",
        "           403",
        "FAILED     create a key",
        "           403",
        "skipped    remove the key of this check",
        "           there was nothing to remove",
        "",
        "Missing in the policy of the log-in:",
        "allow it",
        "",
      ].join("\n"),
    );
    const json = captured();
    printCheckJson(json.context.output, facts);
    expect(JSON.parse(json.stdout())).to.deep.include({
      usable: false,
      missing: ["allow it"],
      leftover: null,
    });
  });
});
