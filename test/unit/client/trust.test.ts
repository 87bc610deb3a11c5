import { rootCertificates } from "node:tls";
import { expect } from "chai";
import { systemTrust } from "../../../src/client/trust.js";
import { pemBlocks } from "../../../src/identity/pem.js";

describe("the system's authorities", () => {
  it("are those of Node.js where there are none, all of them in one text as well", async () => {
    const found = await systemTrust({ SSL_CERT_FILE: "/nowhere/bundle.pem" });
    expect(found.length).to.equal(new Set(rootCertificates.map((pem) => pem.trim())).size);
    // TLS is given one text, and would pass over what does not begin with a line of its own.
    expect(pemBlocks(found.join("")).length).to.equal(found.length);
  });
});
