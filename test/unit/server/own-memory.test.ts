import { expect } from "chai";
import { ownCopy, ownText, shareSmallBlocks } from "../../../src/server/own-memory.js";

describe("server/own-memory", () => {
  it("copies share their memory with nothing", () => {
    const source = Buffer.from("a few bytes");
    const copy = ownCopy(source);
    source.fill(0);
    expect(copy.toString()).to.equal("a few bytes");
    expect(copy.buffer.byteLength).to.equal(copy.length);
  });

  it("texts are UTF-8 and share their memory with nothing", () => {
    for (const text of ["", "plain", "ä€😀"]) {
      const bytes = ownText(text);
      expect(bytes.equals(Buffer.from(text, "utf8"))).to.equal(true);
      expect(bytes.buffer.byteLength).to.equal(bytes.length);
    }
  });

  it("blocks that are shared are small, in every version of Node.js", () => {
    const before = Buffer.poolSize;
    try {
      Buffer.poolSize = 64 * 1024;
      shareSmallBlocks();
      expect(Buffer.poolSize).to.equal(8 * 1024);
      Buffer.poolSize = 4 * 1024;
      shareSmallBlocks();
      expect(Buffer.poolSize).to.equal(4 * 1024);
    } finally {
      Buffer.poolSize = before;
    }
  });
});
