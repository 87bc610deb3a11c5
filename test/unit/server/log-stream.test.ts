import { expect } from "chai";
import { LogHub } from "../../../src/audit/hub.js";
import type { Exchange } from "../../../src/server/exchange.js";
import { sendLog } from "../../../src/server/log-stream.js";

/** A hub of several processes of which the others have not answered yet, and a client. */
function site() {
  let reach: () => void = () => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const hub = new LogHub({ followed: true, publish: (line) => hub.deliver(line), follow: () => reached });
  const seen: string[] = [];
  const exchange: Pick<Exchange, "stream"> = {
    stream: (status) => {
      seen.push(`${status}\n`);
      return {
        write: (text) => seen.push(text) > 0,
        end: (last = "") => void seen.push(`${last}end\n`),
        onClose: () => undefined,
      };
    },
  };
  sendLog(exchange as Exchange, hub, {}, 0);
  const settle = async (): Promise<string> => {
    reach();
    await reached;
    await Promise.resolve();
    return seen.join("");
  };
  return { hub, settle, seen };
}

describe("log streams of several processes", () => {
  it("hold what happens before every process has answered, and no line is out of order", async () => {
    const { hub, settle, seen } = site();
    hub.publish("the stream itself\n");
    hub.publish("b\n");
    expect(seen).to.deep.equal([]);
    expect(await settle()).to.equal("200\nthe stream itself\nb\n");
    hub.publish("c\n");
    expect(seen.at(-1)).to.equal("c\n");
  });

  it("hold no more than a client can be sent, and say that lines are missing", async () => {
    const { hub, settle } = site();
    hub.publish(`${"a".repeat(1024 * 1024 - 1)}\n`);
    hub.publish("b\n");
    hub.publish("c\n");
    const text = await settle();
    expect(text).to.match(/^200\na+\n\{"message":"too slow: .*"\}\nend\n$/);
  });

  it("end in silence when the server does before they begin", async () => {
    const { hub, settle } = site();
    hub.publish("a\n");
    hub.close();
    expect(await settle()).to.equal("200\na\nend\n");
  });
});
