/** Must hold: nobody is taken for somebody else, whatever he sends, directly or through real load balancers. */
import { expect } from "chai";
import { requireService } from "../support/services/index.js";
import { type Stage, setStage } from "../support/smuggling/stage.js";
import { type PlayedTable, playAll, smugglingRows } from "../support/smuggling/table.js";

describe("header smuggling", function () {
  this.timeout(180_000);
  let stage: Stage;
  let table: PlayedTable;

  before(async function () {
    stage = await setStage({
      haproxy: requireService(this, "haproxy"),
      nginx: requireService(this, "nginx"),
    });
    table = await playAll(stage);
  });
  after(() => stage?.close());

  it("has at least 40 rows, all different", () => {
    expect(smugglingRows.length).to.be.greaterThan(40);
    expect(new Set(smugglingRows.map(({ why }) => why)).size).to.equal(smugglingRows.length);
  });

  it("plays on seven ways", () => expect(stage.ways).to.have.length(7));

  for (const row of smugglingRows) {
    it(row.why, () => {
      const fates = table.get(row) ?? [];
      expect(fates).to.have.length(stage.ways.length);
      const breaches = fates.flatMap(({ breach }, at) =>
        breach === undefined ? [] : [`${stage.ways[at]?.name}: ${breach}`],
      );
      expect(breaches).to.deep.equal([]);
    });
  }
});

describe("header smuggling, where a load balancer is set up wrongly", function () {
  this.timeout(60_000);
  const mistakes = [
    {
      why: "nginx passes the client's header on",
      way: "nginx",
      edit: (text: string) => text.replace(/^.*proxy_set_header X-Tls-Client-Cert.*$/m, ""),
      row: "h1: the certificate as PEM",
      breach: "seen as the victim",
    },
    {
      why: "HAProxy passes the client's header on",
      way: "haproxy",
      edit: (text: string) => text.replace(/^.*http-request (?:del-header|set-header X-Tls).*$/gm, ""),
      row: "h1: the certificate as DER",
      breach: "seen as the victim",
    },
    {
      why: "nginx appends nothing and passes the address on",
      way: "nginx",
      edit: (text: string) => text.replace(/^.*proxy_set_header X-Forwarded-For.*$/m, ""),
      row: "h1: X-Forwarded-For",
      breach: "recorded with an address of his choice",
    },
  ] as const;
  for (const { why, way, edit, row, breach } of mistakes) {
    it(`the table shows that ${why}`, async function () {
      const kind = way;
      const stage = await setStage({ [kind]: requireService(this, kind), edit, only: [way] });
      try {
        const rows = smugglingRows.filter((one) => one.why === row);
        const fates = [...(await playAll(stage, rows)).values()].flat();
        expect(fates.map((fate) => fate.breach)).to.deep.equal([breach]);
      } finally {
        await stage.close();
      }
    });
  }
});
