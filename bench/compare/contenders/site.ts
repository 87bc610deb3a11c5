/** A folder with the certificates that every server and client of a comparison uses. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { selfSigned, type TestAlgorithm, type TestCertificate } from "../../../test/support/certificates.js";

export interface BenchSite {
  readonly folder: string;
  /** For `localhost` and 127.0.0.1; P-256, as `kes init` makes it, unless told otherwise. */
  readonly serverCert: string;
  readonly serverKey: string;
  readonly admin: TestCertificate;
  /** Ed25519, as API keys have it: who all requests come from. */
  readonly client: TestCertificate;
  readonly clientCert: string;
  readonly clientKey: string;
  remove(): Promise<void>;
}

/** @param algorithm - of the servers' key */
export async function makeBenchSite(algorithm: TestAlgorithm = "p256"): Promise<BenchSite> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-bench-"));
  const file = (name: string): string => join(folder, name);
  const server = selfSigned({ algorithm });
  const admin = selfSigned({ cn: "admin" });
  const client = selfSigned({ cn: "client" });
  for (const [name, { certPem, keyPem }] of [
    ["server", server],
    ["client", client],
  ] as const) {
    await writeFile(file(`${name}.crt`), certPem);
    await writeFile(file(`${name}.key`), keyPem, { mode: 0o600 });
  }
  return {
    folder,
    serverCert: file("server.crt"),
    serverKey: file("server.key"),
    admin,
    client,
    clientCert: file("client.crt"),
    clientKey: file("client.key"),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
