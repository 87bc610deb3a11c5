import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import { keystores } from "../../../keystores/registry.js";
import { configSchema } from "../../../src/config/root-schema.js";
import { ANNOTATIONS, DURATION_FORMAT } from "../../../src/config/schema.js";

/** Faults of `schema` itself. The server does not look for any when it starts: it would cost more than all else. */
function faultsOf(schema: object): unknown[] {
  const ajv = new Ajv2020({ keywords: [...ANNOTATIONS], formats: { [DURATION_FORMAT]: true } });
  return ajv.validateSchema(schema) === true ? [] : (ajv.errors ?? [new Error("not valid")]);
}

describe("schemas of the configuration", () => {
  it("finds what is wrong with a schema", () => {
    expect(faultsOf({ type: "object", required: "name" })).to.not.deep.equal([]);
  });

  it("that of the whole is valid", () => {
    expect(faultsOf(configSchema)).to.deep.equal([]);
  });

  for (const [kind, load] of Object.entries(keystores)) {
    it(`that of the keystore ${kind} is valid`, async () => {
      const { adapter } = await load();
      expect(faultsOf(adapter.schema)).to.deep.equal([]);
    });
  }
});
