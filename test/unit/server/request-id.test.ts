import { expect } from "chai";
import { requestIds } from "../../../src/server/request-id.js";

describe("server/request-id", () => {
  it("counts in ten hex digits behind what was drawn for the process", () => {
    const next = requestIds((size) => Buffer.alloc(size, 0xab));
    for (let i = 0; i < 10_000; i++) expect(next()).to.equal(`abababab-${i.toString(16).padStart(10, "0")}`);
  });
});
