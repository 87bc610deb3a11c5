import { expect } from "chai";
import { MemoryKeystore } from "../../keystores/memory/store.js";
import { type ApiAnswer, ApiClient } from "../support/api-client.js";
import { FaultyKeystore, type Rule } from "../support/faulty-keystore.js";
import { named } from "../support/keystore.js";
import {
  type CallName,
  OUTAGES,
  type Outage,
  type OutageRow,
  outageTable,
  runOutage,
} from "../support/outage.js";
import { startTestServer, type TestServer } from "../support/test-server.js";

const DEADLINE_MS = 700;
/** What the machine may add to a time that is bounded. */
const SLACK_MS = 1_000;
/** A change that a deadline cut off is looked up once more before it is reported. */
const LOOK_UP_MS = 2_500;
/** "At once": no keystore was asked. */
const INSTANT_MS = 150;

const READ = [502, "failed to read key"] as const;
const LATE = [504, "key store did not answer in time"] as const;
const OK = [200, ""] as const;
const BOTH = "keystore_unreachable keystore_unavailable";
const UNKNOWN = "the key store did not confirm it, the key may or may not exist";

type Expected = Readonly<Record<CallName, readonly [status: number, says: string]>>;

/** What each call answers once the keys' offline window is over. */
const expected: Readonly<Record<Outage, Expected>> = {
  hangs: {
    ...of(LATE),
    version: OK,
    status: [200, BOTH],
    create: [504, `failed to create key: ${UNKNOWN}`],
    delete: [504, `failed to delete key: ${UNKNOWN}`],
  },
  refuses: {
    ...of(READ),
    version: OK,
    ready: LATE,
    status: [200, BOTH],
    create: [502, "failed to create key"],
    delete: [502, "failed to delete key"],
    list: [502, "failed to list keys"],
  },
  errors: {
    ...of(READ),
    version: OK,
    ready: [502, "key store is unavailable"],
    status: [200, "keystore_unavailable"],
    create: [502, "failed to create key"],
    delete: [502, "failed to delete key"],
    list: [502, "failed to list keys"],
  },
  "returns garbage": {
    ...of(READ),
    version: OK,
    ready: OK,
    status: [200, "latency known"],
    // Read back, and found to be something else.
    create: [502, "failed to create key"],
    delete: OK,
    list: [200, "0 names"],
  },
};

function of(answer: readonly [number, string]): Expected {
  const names: readonly CallName[] = [
    ...(["version", "ready", "status", "create", "delete", "list"] as const),
    ...(["generate, key in memory", "decrypt, key in memory", "describe, key in memory"] as const),
    ...(["generate, key not in memory", "describe, key not in memory"] as const),
  ];
  return Object.fromEntries(names.map((name) => [name, answer])) as Expected;
}

describe("e2e: keystore outage", function () {
  this.timeout(40_000);
  let rows: readonly OutageRow[];

  before(async () => {
    const times = { anyMs: 300, offlineMs: 4_500, deadlineMs: DEADLINE_MS };
    rows = (await Promise.all(OUTAGES.map((outage) => runOutage(outage, times)))).flat();
    if (process.env.KESWICK_OUTAGE_TABLE === "1") console.log(outageTable(rows));
  });

  for (const outage of OUTAGES) {
    describe(`a keystore that ${outage}`, () => {
      const of = (phase: OutageRow["phase"]): readonly OutageRow[] =>
        rows.filter((row) => row.outage === outage && row.phase === phase);
      const answers = (phase: OutageRow["phase"]) =>
        Object.fromEntries(of(phase).map(({ call, status, says }) => [call, [status, usual(says)]]));

      it("serves keys in memory within the offline window, at once", () => {
        const inMemory = of("short").filter(({ call }) => call.endsWith("key in memory"));
        expect(inMemory).to.have.length(3);
        for (const { call, status, ms } of inMemory) {
          expect(status, call).to.equal(200);
          expect(ms, call).to.be.below(INSTANT_MS);
        }
      });

      it("answers everything else as its table says, within the window", () => {
        const served = {
          "generate, key in memory": OK,
          "decrypt, key in memory": OK,
          "describe, key in memory": OK,
        };
        expect(answers("short")).to.deep.equal({ ...expected[outage], ...served });
      });

      it("answers as its table says after the window", () => {
        expect(answers("long")).to.deep.equal(expected[outage]);
      });

      it("answers within the route's deadline", () => {
        for (const { call, phase, ms } of rows.filter((row) => row.outage === outage)) {
          const changes = call === "create" || call === "delete";
          const bound = changes ? DEADLINE_MS + LOOK_UP_MS : DEADLINE_MS;
          expect(ms, `${call}, ${phase}`).to.be.below(bound + SLACK_MS);
          if (outage !== "hangs") expect(ms, `${call}, ${phase}`).to.be.below(DEADLINE_MS);
        }
      });

      it("serves as before when it is over", () => {
        expect(answers("after")).to.deep.equal({
          ready: OK,
          status: [200, "latency known"],
          "generate, key in memory": OK,
          "decrypt, key in memory": OK,
        });
      });
    });
  }
});

/** A probe that hangs ends by its own deadline or by the route's, whichever is first; both are 504. */
function usual(says: string): string {
  return says === "key store is not reachable" ? LATE[1] : says;
}

describe("e2e: a create whose answer is lost", () => {
  let server: TestServer;
  let keystore: FaultyKeystore;
  let client: ApiClient;

  before(async () => {
    keystore = new FaultyKeystore(new MemoryKeystore());
    const api = new Map([["/v1/key/create/", { skipAuth: false, timeoutMs: DEADLINE_MS }]]);
    server = await startTestServer({ keystore, api });
    client = new ApiClient("h2", server.port, server.admin);
  });
  after(async () => {
    client.close();
    keystore.release();
    await server.close();
  });
  afterEach(() => {
    keystore.script = [];
  });

  const create = (name: string): Promise<ApiAnswer> =>
    client.send({ method: "PUT", path: `/v1/key/create/${name}` });
  async function outcome(name: string, fault: Rule["fault"]): Promise<ApiAnswer> {
    keystore.script = [{ method: "create", fault }];
    const answer = await create(name);
    keystore.script = [];
    return answer;
  }

  it("answers 200 when the keystore has the key all the same, and the key is the one that was made", async () => {
    expect((await outcome("kept", { kind: "uncertain", done: true })).status).to.equal(200);
    const { ciphertext, plaintext } = (await client.ok("PUT", "/v1/key/generate/kept")) as Record<
      string,
      string
    >;
    // Past the cache: what the keystore has is what sealed it.
    server.server.state.services.keys.forget(named("kept"));
    expect(await client.ok("PUT", "/v1/key/decrypt/kept", { ciphertext })).to.deep.equal({ plaintext });
  });

  it("answers 200 when the keystore's answer comes after the deadline", async () => {
    let answerNow = (): void => undefined;
    const until = new Promise<void>((resolve) => {
      answerNow = resolve;
    });
    expect((await outcome("late", { kind: "late", until })).status).to.equal(200);
    answerNow();
    expect((await client.send({ method: "GET", path: "/v1/key/describe/late" })).status).to.equal(200);
  });

  it("says that it does not know when the key is not there, and the next attempt succeeds", async () => {
    const answer = await outcome("lost", { kind: "uncertain", done: false });
    expect([answer.status, answer.body]).to.deep.equal([
      504,
      `{"message":"failed to create key: ${UNKNOWN}"\n}`,
    ]);
    expect((await create("lost")).status).to.equal(200);
  });

  it("never says created for a key that the keystore forgot", async () => {
    for (const fault of [{ kind: "lie" }, { kind: "forget" }, { kind: "tear", bytes: 20 }] as const) {
      const answer = await outcome(`untrue-${fault.kind}`, fault);
      expect([answer.status, answer.body], fault.kind).to.deep.equal([
        502,
        '{"message":"failed to create key"\n}',
      ]);
    }
  });

  it("gives errors in KES's form", async () => {
    keystore.script = [{ method: "list", fault: { kind: "fail", code: "KEYSTORE_UNREACHABLE" } }];
    const { status, headers, body } = await client.send({ method: "GET", path: "/v1/key/list/*" });
    expect(status).to.equal(502);
    expect(headers["content-type"]).to.equal("application/json");
    expect(headers["content-length"]).to.equal(String(Buffer.byteLength(body)));
    expect(body).to.equal('{"message":"failed to list keys"\n}');
  });
});
