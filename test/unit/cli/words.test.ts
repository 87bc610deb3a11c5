import { expect } from "chai";
import { plainWords } from "../../../src/cli/words.js";

const specs = {
  insecure: { type: "boolean", short: "k", description: "" },
  force: { type: "boolean", short: "f", description: "" },
  server: { type: "list", short: "s", description: "" },
  "api-key": { type: "string", short: "a", description: "" },
} as const;

const table: readonly (readonly [given: string, plain: string])[] = [
  ["a -k b", "a --insecure b"],
  ["-kf", "--insecure --force"],
  ["-k=true", "--insecure"],
  ["-kf=1", "--insecure --force"],
  ["-k=false", ""],
  ["-k --insecure=false", ""],
  ["--insecure=0 -k", "--insecure"],
  ["--insecure -k=F", ""],
  ["-kf --insecure=false", "--force"],
  ["-s=host:1", "--server=host:1"],
  ["-ks=host:1", "--insecure --server=host:1"],
  ["-shost:1", "-shost:1"],
  ["-s host:1", "-s host:1"],
  ["-ks -k", "--insecure -s -k"],
  ["--api-key --insecure=false -k", "--api-key --insecure=false --insecure"],
  ["-a -k=true", "-a -k=true"],
  ["--api-key=--force=1", "--api-key=--force=1"],
  ["-kx", "--insecure -x"],
  ["--force=maybe", "--force=maybe"],
  ["--unknown=true", "--unknown=true"],
  ["--constructor=true", "--constructor=true"],
  ["- -- -k=true", "- -- -k=true"],
  ["-s", "-s"],
];

describe("words of a command line", () => {
  for (const [given, plain] of table) {
    it(`'${given}' is '${plain}'`, () => {
      expect(plainWords(given.split(" "), specs).join(" ")).to.equal(plain);
    });
  }
});
