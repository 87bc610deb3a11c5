import { expect } from "chai";
import { type ErrorCode, KesError } from "../../../src/errors.js";
import { changeFault, errnoOf, fault, uncertain } from "../../../src/keystore/faults.js";
import { causesOf } from "../../support/keystore.js";

const system = (code: string): Error =>
  Object.assign(new Error(`${code}: something, open '/secret/place'`), { code });

describe("fault", () => {
  const outages: readonly (readonly [errno: string, code: ErrorCode, advice: RegExp])[] = [
    ["ENOENT", "KEYSTORE_UNREACHABLE", /mounted/],
    ["ENOTDIR", "KEYSTORE_UNREACHABLE", /not a folder/],
    ["ESTALE", "KEYSTORE_UNREACHABLE", /remount/],
    ["ENODEV", "KEYSTORE_UNREACHABLE", /device is gone/],
    ["ENOTCONN", "KEYSTORE_UNREACHABLE", /remount/],
    ["ETIMEDOUT", "KEYSTORE_UNREACHABLE", /network/],
    ["ECONNREFUSED", "KEYSTORE_UNREACHABLE", /refused/],
    ["ENOTFOUND", "KEYSTORE_UNREACHABLE", /DNS/],
    ["EACCES", "KEYSTORE_UNAVAILABLE", /permission/],
    ["EPERM", "KEYSTORE_UNAVAILABLE", /not permitted/],
    ["EROFS", "KEYSTORE_UNAVAILABLE", /read-only/],
    ["ENOSPC", "KEYSTORE_UNAVAILABLE", /free space/],
    ["EDQUOT", "KEYSTORE_UNAVAILABLE", /quota/],
    ["EIO", "KEYSTORE_UNAVAILABLE", /disk/],
    ["EMFILE", "KEYSTORE_UNAVAILABLE", /ulimit/],
    ["ENFILE", "KEYSTORE_UNAVAILABLE", /file-max/],
    ["ELOOP", "KEYSTORE_UNAVAILABLE", /symbolic link/],
    ["EWHATEVER", "KEYSTORE_UNAVAILABLE", /EWHATEVER/],
    ["constructor", "KEYSTORE_UNAVAILABLE", /constructor/],
  ];
  for (const [errno, code, advice] of outages) {
    it(`makes ${errno} ${code} and says what to do`, () => {
      const cause = system(errno);
      const error = fault(cause, {}, "key folder ./keys");
      expect(error.code).to.equal(code);
      expect(causesOf(error))
        .to.match(advice)
        .and.to.contain("key folder ./keys")
        .and.to.contain(cause.message);
      expect(error.message).not.to.contain("secret").and.not.to.contain("keys");
    });
  }

  it("lets the adapter name what an errno means, and nothing else", () => {
    expect(fault(system("EEXIST"), { EEXIST: "KEY_EXISTS" }).code).to.equal("KEY_EXISTS");
    expect(fault(system("ENOENT"), { EEXIST: "KEY_EXISTS" }).code).to.equal("KEYSTORE_UNREACHABLE");
    expect(fault(system("toString"), { EEXIST: "KEY_EXISTS" }).code).to.equal("KEYSTORE_UNAVAILABLE");
  });

  it("never makes a missing key of what nobody has named", () => {
    const strange = [
      undefined,
      null,
      0,
      "ENOENT",
      {},
      { code: 404 },
      new Error("not found"),
      new TypeError("x"),
    ];
    for (const cause of strange) expect(fault(cause).code).to.equal("KEYSTORE_UNAVAILABLE");
  });

  it("passes an error of the catalogue unchanged", () => {
    const error = new KesError("KEY_CHANGED");
    expect(fault(error, { KEY_CHANGED: "KEY_EXISTS" })).to.equal(error);
    expect(changeFault(error)).to.equal(error);
  });
});

describe("changeFault", () => {
  const certain = [
    "EACCES",
    "EPERM",
    "EROFS",
    "ENOSPC",
    "EDQUOT",
    "EMFILE",
    "ENOENT",
    "EEXIST",
    "EXDEV",
    "EOPNOTSUPP",
  ];
  for (const errno of certain)
    it(`knows that ${errno} has changed nothing`, () => {
      expect(changeFault(system(errno)).code).to.be.oneOf(["KEYSTORE_UNAVAILABLE", "KEYSTORE_UNREACHABLE"]);
    });

  for (const errno of ["EIO", "ETIMEDOUT", "ESTALE", "ECONNRESET", "ENOTCONN", "EINTR", "EWHATEVER"])
    it(`leaves open what ${errno} has changed`, () => {
      expect(changeFault(system(errno)).code).to.equal("KEYSTORE_UNCERTAIN");
    });

  it("takes the adapter's word first", () => {
    expect(changeFault(system("EIO"), { EIO: "KEYSTORE_UNAVAILABLE" }).code).to.equal("KEYSTORE_UNAVAILABLE");
  });
});

describe("uncertain", () => {
  it("overrules an error that says that nothing was changed, and keeps it as the cause", () => {
    const cause = new KesError("KEYSTORE_UNREACHABLE");
    const error = uncertain(cause);
    expect(error.code).to.equal("KEYSTORE_UNCERTAIN");
    expect(error.cause).to.equal(cause);
    expect(uncertain(error)).to.equal(error);
  });
});

describe("errnoOf", () => {
  it("gives text codes only", () => {
    expect(errnoOf(system("EIO"))).to.equal("EIO");
    for (const cause of [undefined, null, "EIO", {}, { code: 5 }]) expect(errnoOf(cause)).to.equal(undefined);
  });
});
