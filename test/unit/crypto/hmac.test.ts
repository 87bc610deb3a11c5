import { expect } from "chai";
import { hmacSha256 } from "../../../src/crypto/hmac.js";
import { fromBase64, vectors } from "./support.js";

describe("hmac", () => {
  interface HmacCase {
    id: string;
    result: "valid" | "invalid";
    key: string;
    message: string;
    hmac: string;
  }
  for (const v of vectors<HmacCase>("hmac.json")) {
    it(v.id, () => {
      const hmac = hmacSha256(fromBase64(v.key), fromBase64(v.message)).toString("base64");
      if (v.result === "valid") expect(hmac).to.equal(v.hmac);
      else expect(hmac).to.not.equal(v.hmac);
    });
  }
});
