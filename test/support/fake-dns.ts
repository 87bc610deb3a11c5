/** Names that a program started by a test resolves to addresses of the test's choice. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

export interface FakeDns {
  /** For the environment of a program of Node. */
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

/** @param names - name → addresses; others are unknown */
export async function fakeDns(names: Readonly<Record<string, readonly string[]>>): Promise<FakeDns> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-dns-"));
  const file = join(folder, "dns.mjs");
  await writeFile(
    file,
    `import dns from "node:dns";
import { isIP } from "node:net";
import { syncBuiltinESMExports } from "node:module";
const names = ${JSON.stringify(names)};
dns.promises.lookup = async (host) => {
  const found = isIP(host) > 0 ? [host] : names[host];
  if (found === undefined) throw Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
  return found.map((address) => ({ address, family: isIP(address) }));
};
dns.lookup = () => { throw new Error("a name was resolved where an address was known"); };
syncBuiltinESMExports();
`,
  );
  return {
    env: { NODE_OPTIONS: `--import ${pathToFileURL(file).href}` },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
