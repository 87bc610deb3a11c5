/** `openapi.json` is what the table of routes makes, and others' tools take it for OpenAPI. */
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { openApiFile, openApiText } from "./openapi-file.js";

const redocly = fileURLToPath(import.meta.resolve("@redocly/cli/bin/cli.js"));
const rules = resolve(import.meta.dirname, "redocly.yaml");

/** Runs the validator, which neither reports usage nor looks for a newer version. */
function lint(file: string): Promise<{ code: number; output: string }> {
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const args = [redocly, "lint", file, "--config", rules, "--format", "stylish"];
  return new Promise((done) => {
    execFile(process.execPath, args, { env, timeout: 60_000 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === "number" ? error.code : -1;
      done({ code, output: stdout + stderr });
    });
  });
}

describe("openapi.json", () => {
  it("is up to date (npm run openapi writes it)", () => {
    expect(readFileSync(openApiFile, "utf8")).to.equal(openApiText());
  });

  it("passes Redocly's rules", async () => {
    const { code, output } = await lint(openApiFile);
    expect(output).to.contain("Your API description is valid");
    expect(code, output).to.equal(0);
  }).timeout(60_000);

  it("would not pass them with a fault", async () => {
    const folder = mkdtempSync(join(tmpdir(), "keswick-openapi-"));
    try {
      const file = join(folder, "openapi.json");
      // A parameter that the path does not have.
      writeFileSync(file, openApiText().replace('"/v1/key/create/{name}"', '"/v1/key/create/{other}"'));
      const { code, output } = await lint(file);
      expect(code, output).to.equal(1);
      expect(output).to.contain("path-parameters-defined");
    } finally {
      rmSync(folder, { recursive: true });
    }
  }).timeout(60_000);
});
