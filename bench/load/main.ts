/** The load generator for where no Go is: the same lines in and out as bench/peers/load, of which it does the loads. */
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import type { LoadCommand, LoadResult, Setup } from "../compare/generator.js";
import { connect } from "./connection.js";
import { Histogram } from "./histogram.js";
import { NodeLoad } from "./node-load.js";

let load: NodeLoad | undefined;
for await (const line of createInterface(process.stdin)) {
  const message = JSON.parse(line) as Setup | { load?: LoadCommand };
  if (load === undefined) {
    load = new NodeLoad(await connections(message as Setup), (message as Setup).streams);
    console.log('{"event":"ready"}');
    continue;
  }
  const command = "load" in message ? message.load : undefined;
  if (command === undefined)
    throw new Error("the generator in Node does loads only: install Go for the others");
  const histogram = new Histogram();
  console.log(JSON.stringify((await load.run(command, histogram)) satisfies LoadResult));
}

function connections(setup: Setup): Promise<Awaited<ReturnType<typeof connect>>[]> {
  const [ca, cert, key] = [setup.ca, setup.cert, setup.key].map((file) => readFileSync(file, "utf8"));
  if (ca === undefined || cert === undefined || key === undefined) throw new Error("no credentials");
  const options = { ca, cert, key };
  return Promise.all(
    Array.from({ length: setup.connections }, () => connect(setup.url, setup.protocol, options)),
  );
}
