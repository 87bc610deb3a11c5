/** What `npm run smoke` asks of `keswick/client` as it was packed and installed. */
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";

const root = resolve(import.meta.dirname, "../..");
const KEY = "kes:v1:AGaV6VXHasF0FnaB60WdCOeTZ8eTIDikL4zlN1c8NWMB";

/**
 * What importers with other settings than ours meet. Left out: `require` (Node loads ES modules by it since 20.19 and
 * 22.12, older resolution does not know that), and resolution before Node 12, which has no `exports`.
 * @throws Error when types and code of a public door do not belong together
 */
export async function checkPackaging(tarball: string): Promise<void> {
  const data = createPackageFromTarballData(new Uint8Array(readFileSync(tarball)));
  const result = await checkPackage(data);
  if (!("problems" in result)) throw new Error("the packed package has no types");
  const problems = result.problems.filter(
    (problem) =>
      problem.kind !== "CJSResolvesToESM" &&
      !("resolutionKind" in problem && problem.resolutionKind === "node10"),
  );
  if (problems.length > 0) throw new Error(`types are wrong: ${JSON.stringify(problems, undefined, 2)}`);
  process.stdout.write(`types of ${Object.keys(result.entrypoints).join(", ")} are right\n`);
}

/**
 * Type-checks the examples and one strict program against the installed package, and runs them without any loader.
 * @param home - where the package is installed
 * @param site - certificates of a server, as `kes init` makes them
 */
export function checkClient(home: string, site: string, endpoint: string): void {
  cpSync(join(home, "node_modules/keswick/docs/examples"), join(home, "examples"), { recursive: true });
  writeFileSync(join(home, "strict.mts"), PROGRAM);
  writeFileSync(
    join(home, "tsconfig.json"),
    JSON.stringify({
      compilerOptions: {
        ...{ target: "ES2022", module: "NodeNext", strict: true, noEmit: true, skipLibCheck: false },
        ...{ exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true, allowJs: true, checkJs: true },
        ...{ types: ["node"], typeRoots: [join(root, "node_modules/@types")] },
      },
      include: ["strict.mts", "examples"],
    }),
  );
  const node = (args: readonly string[], env: Record<string, string> = {}): string =>
    execFileSync(process.execPath, args, { cwd: home, env, encoding: "utf8", timeout: 60_000 });
  node([join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.json"]);
  process.stdout.write("the examples have the right types\n");

  const env = {
    MINIO_KMS_KES_ENDPOINT: endpoint,
    MINIO_KMS_KES_CERT_FILE: join(site, "admin.crt"),
    MINIO_KMS_KES_KEY_FILE: join(site, "admin.key"),
    MINIO_KMS_KES_CAPATH: join(site, "server.crt"),
  };
  const created = node(["examples/ensure-key.mjs", "smoke"], env);
  const listed = node(["examples/list-keys.mjs"], env);
  if (created !== "created\n" || !listed.startsWith("smoke AES256 "))
    throw new Error(`the examples do not work: ${created}${listed}`);
  process.stdout.write(listed);
}

/** Every kind of export, used in ways that must be right, and one that must not. */
const PROGRAM = `import { ApiKey, canonicalContext, type Dek, isKesError, KesClient } from "keswick/client";
import type { Keystore } from "keswick/keystore";

const apiKey: ApiKey = ApiKey.parse("${KEY}");
await using client = new KesClient({ endpoints: ["a", "b"], apiKey, timeoutMs: 1 });
const dek: Dek = await client.generateKey("k", { context: canonicalContext({ a: "b" }) });
const names: AsyncIterable<string> = client.listKeys({ prefix: "a", signal: AbortSignal.timeout(1) });
for await (const { response } of client.auditLog({ onGap: ({ attempt }) => void attempt.toFixed() }))
  if (response.code === 200) break;
export const isGone = (error: unknown): boolean => isKesError(error, "KEY_NOT_FOUND") && error.status === 404;
// @ts-expect-error no such code
export const isNothing = (error: unknown): boolean => isKesError(error, "KEY_LOST");
export type { Keystore };
export { dek, names };
`;
