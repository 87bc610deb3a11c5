/** What the page at `/` names is there. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect } from "chai";
import { documents } from "../../src/server/pages/documents.js";

const root = resolve(import.meta.dirname, "../..");

describe("documents on the page", () => {
  for (const [name] of documents) {
    it(`include ${name}, which exists`, () => {
      expect(existsSync(join(root, name))).to.equal(true);
    });
  }
});
