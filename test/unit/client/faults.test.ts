import { expect } from "chai";
import { answerFault, connectFault } from "../../../src/client/faults.js";

const ENDPOINT = "https://kes.test:7373";
/** Escape sequences, C1 controls, marks of writing direction, separators of lines, half a surrogate pair. */
const HOSTILE = "\u001b]0;owned\u0007\u009b2J\u202egnp.exe\u2066\r\n\u2028 x \ud800 \u{e0041}";
const CONTROLS = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;

describe("faults of the network", () => {
  it("show nothing of a certificate's names that a terminal acts on", () => {
    const cause = Object.assign(new Error("altnames"), {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
      cert: { subjectaltname: `DNS:${HOSTILE}, IP Address:10.0.0.1` },
    });
    const fault = connectFault(ENDPOINT, "kes.test", cause);
    expect(fault.code).to.equal("SERVER_UNTRUSTED");
    expect(fault.message).to.include("10.0.0.1").and.not.match(CONTROLS);
  });

  it("show nothing of an unknown error that a terminal acts on, and not all of a long one", () => {
    for (const fault of [
      connectFault(ENDPOINT, "kes.test", new Error(HOSTILE)),
      answerFault(ENDPOINT, new Error(HOSTILE)),
    ]) {
      expect(fault.message).not.to.match(CONTROLS);
    }
    expect(answerFault(ENDPOINT, new Error("x".repeat(1e6))).message.length).to.be.below(500);
  });
});
