/** The table of a client: operations × kinds of encryption, at each place; printed when `KESWICK_SHOW_TABLE` is set. */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "mocha";
import { KEY_NAME, ROOT } from "../s3-server.js";
import type { ClientSite, S3Driver } from "./driver.js";
import { contents, type OperationName, operations, type Run } from "./operations.js";
import { openPlace, type Place, type PlaceName } from "./place.js";
import { allKinds, type Kind } from "./seen-object.js";

export interface ClientTable {
  /** As people know it. */
  readonly client: string;
  /** At a usual place all that the client can do; at the others what is named. */
  readonly places: Partial<Readonly<Record<PlaceName, "all" | readonly OperationName[]>>>;
  /** What the client has no word for, and why. */
  readonly lacks?: Partial<Readonly<Record<Kind, string>>>;
  /** Kinds whose ETag, which is no MD5, makes the client's sync take every object for changed; so it is on AWS too. */
  readonly storesAgain?: readonly Kind[];
  /** Makes the client ready; skips when it is not installed. */
  readonly prepare: (context: Context) => Promise<(site: ClientSite) => Promise<S3Driver>>;
  /** Further tests at a place. */
  readonly more?: (place: () => Place) => void;
}

/** The machine may be busy with much else. */
const TIMEOUT_MS = 300_000;
const allOperations = Object.keys(operations).filter(isOperation);

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(operations, name);
}

/** Defines the tests of one client. */
export function describeClient(table: ClientTable): void {
  describe(`interop: ${table.client}`, function () {
    this.timeout(TIMEOUT_MS);
    for (const [name, asked] of Object.entries(table.places)) {
      if (!isPlace(name)) throw new Error(`no place is called ${name}`);
      describePlace(table, name, asked === "all" ? allOperations : asked);
    }
  });
}

function isPlace(name: string): name is PlaceName {
  return ["TLS", "plain", "nginx", "gateway"].includes(name);
}

function describePlace(table: ClientTable, name: PlaceName, asked: readonly OperationName[]): void {
  describe(name, () => {
    let place: Place | undefined;
    let open: ((site: ClientSite) => Promise<S3Driver>) | undefined;
    const outcomes = new Map<string, string>();

    before(async function () {
      open = await table.prepare(this);
      place = await openPlace(this, name);
    });
    after(async () => {
      await place?.stop();
      if (process.env.KESWICK_SHOW_TABLE === "1")
        console.log(shownTable(`${table.client}, ${name}`, asked, outcomes));
    });
    const at = () => {
      if (place === undefined || open === undefined) throw new Error("the place is not open");
      return { place, open };
    };

    // Nobody sends a key in the clear: the server refuses it.
    for (const kind of allKinds.filter((each) => !(each === "SSE-C" && name === "plain"))) {
      const lack = table.lacks?.[kind];
      if (lack !== undefined) {
        for (const operation of asked) outcomes.set(`${operation} ${kind}`, "–");
        continue;
      }
      describe(kind, () => {
        let run: Run;
        before(async () => {
          const { place, open } = at();
          const site = await newSite(place, kind);
          run = {
            place,
            site,
            driver: await open(site),
            storesAgain: table.storesAgain ?? [],
            ...contents(),
          };
        });
        after(() => run?.driver.close?.());

        for (const operation of asked) {
          it(operation, async () => {
            outcomes.set(`${operation} ${kind}`, "FAILED");
            const known = run.place.server.failures.length;
            const outcome = await operations[operation](run);
            if (run.place.server.failures.length > known) {
              throw new AggregateError(run.place.server.failures.slice(known), "the server failed");
            }
            outcomes.set(`${operation} ${kind}`, outcome);
          });
        }
      });
    }
    table.more?.(() => at().place);
  });
}

/** A bucket of its own for a client. */
export async function newSite(place: Place, kind: Kind): Promise<ClientSite> {
  const bucket = `${kind.toLowerCase()}-${randomBytes(4).toString("hex")}`;
  const made = await place.server.ask("PUT", `/${bucket}`);
  if (made.status !== 200) throw new Error(`the bucket was not made: ${made.text}`);
  const folder = await mkdtemp(join(place.folder, "client-"));
  await mkdir(join(folder, "home"));
  return {
    ...{ url: place.url, caFile: place.caFile, user: ROOT.user, password: ROOT.password },
    ...{ bucket, kind, keyName: KEY_NAME, customerKey: randomBytes(32), folder },
  };
}

/** For people. */
export function shownTable(
  title: string,
  rows: readonly string[],
  outcomes: ReadonlyMap<string, string>,
): string {
  const cells = (values: readonly string[]): string =>
    values
      .map((value, index) => value.padEnd(index === 0 ? 12 : 9))
      .join("")
      .trimEnd();
  return [
    `\n${title}`,
    cells(["", ...allKinds]),
    ...rows.map((row) => cells([row, ...allKinds.map((kind) => outcomes.get(`${row} ${kind}`) ?? "")])),
  ].join("\n");
}
