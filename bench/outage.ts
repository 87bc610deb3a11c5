/**
 * What each route answers while the keystore hangs, refuses, errors or returns garbage, with the deadlines of the
 * product: `npm run outage`. Takes about a minute.
 */
import { OUTAGES, outageTable, runOutage } from "../test/support/outage.js";

const times = { anyMs: 2_000, offlineMs: 25_000 };
console.log(
  `cache: any ${times.anyMs} ms, offline ${times.offlineMs} ms; deadlines of the routes as they are\n`,
);
const tables = await Promise.all(OUTAGES.map((outage) => runOutage(outage, times)));
console.log(outageTable(tables.flat()));
