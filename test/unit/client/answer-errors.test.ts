import { expect } from "chai";
import { errorOfReply } from "../../../src/client/answer-errors.js";
import { printable } from "../../../src/client/printable.js";
import { type ErrorCode, errorCatalogue, KesError } from "../../../src/errors.js";
import { ENDPOINT, refusal, reply } from "../../support/fake-transport.js";

describe("answers as errors", () => {
  for (const [name, [status, template]] of Object.entries(errorCatalogue)) {
    const code = name as ErrorCode;
    const values = ["first", "second"];
    const sent = new KesError(code, values);
    if (status === 0) {
      it(`takes ${name} from no server`, () => {
        const error = errorOfReply(refusal(400, sent.message));
        expect(error.code).to.equal("ANSWER_UNEXPECTED");
        expect(error.status).to.equal(400);
      });
      continue;
    }
    it(`reads ${status} ${template} as ${name}`, () => {
      const error = errorOfReply(refusal(status, sent.message));
      expect([error.code, error.status, error.message]).to.deep.equal([code, status, sent.message]);
    });
    it(`does not read ${name} with another status`, () => {
      const error = errorOfReply(refusal(status + 15, sent.message));
      expect([error.code, error.status]).to.deep.equal(["ANSWER_UNEXPECTED", status + 15]);
      expect(error.message).to.equal(sent.message);
    });
  }

  it("reads the words of older servers", () => {
    expect(errorOfReply(refusal(400, "key does already exist")).code).to.equal("KEY_EXISTS");
    expect(errorOfReply(refusal(403, "prohibited by policy")).code).to.equal("NOT_AUTHORIZED");
    expect(errorOfReply(refusal(403, "key does already exist")).code).to.equal("ANSWER_UNEXPECTED");
  });

  it("lets `error` win over `message`", () => {
    const both = { message: "key does not exist", error: "policy does not exist" };
    expect(errorOfReply(reply(both, { status: 404 })).code).to.equal("POLICY_NOT_FOUND");
    const empty = { message: "key does not exist", error: "" };
    expect(errorOfReply(reply(empty, { status: 404 })).code).to.equal("KEY_NOT_FOUND");
  });

  it("reads text that is no JSON", () => {
    const body = Buffer.from("404 page not found\n");
    expect(errorOfReply(reply(body, { status: 404, contentType: "text/plain" })).code).to.equal(
      "PATH_NOT_FOUND",
    );
  });

  for (const [what, body, contentType] of [
    ["nothing", "", ""],
    ["broken JSON", "{", "application/json"],
    ["JSON of another kind", "[1]", "application/json"],
    ["a message that is no text", '{"message":1}', "application/json"],
    ["an inherited name", '{"__proto__":{"message":"x"}}', "application/json"],
    ["a page", "<html><body>Bad gateway", "text/html"],
  ] as const) {
    it(`tells the status when there is ${what}`, () => {
      const error = errorOfReply(reply(Buffer.from(body), { status: 502, contentType }));
      expect([error.code, error.status]).to.deep.equal(["ANSWER_UNEXPECTED", 502]);
      expect(error.message).to.equal(`key server ${ENDPOINT} answered with status 502`);
    });
  }

  it("keeps a server from writing to the terminal", () => {
    const hostile = "\u001b]0;owned\u0007\u009b2J\u202etxt\r\n\u2028 x \ud800";
    const error = errorOfReply(refusal(418, hostile));
    expect(error.message).not.to.match(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}]/u);
    const named = errorOfReply(
      refusal(400, `key name '${hostile}' is empty, too long or contains invalid characters`),
    );
    expect(named.code).to.equal("KEY_NAME_INVALID");
    expect(named.message).not.to.match(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}]/u);
  });

  it("bounds what it shows, and how long it takes", () => {
    expect(printable("x".repeat(1e6)).length).to.equal(256);
    const slow = `received method '${"' expected '".repeat(80_000)}`;
    expect(errorOfReply(refusal(405, slow)).message.length).to.be.at.most(256);
  });
});
