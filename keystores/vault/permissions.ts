/** The least policy in Vault's language (KES keystore reference §6.7). */
import type { KeystoreOperation, KeystorePermissions } from "../../src/keystore/adapter.js";
import { VaultDenied } from "./answer.js";
import type { VaultOptions } from "./config.js";
import type { VaultEnvironment } from "./environment.js";
import { joined } from "./kv.js";
import { keystoreNamespace, pathOf } from "./login.js";

type Capability = "create" | "read" | "list" | "delete" | "update";

interface Rule {
  readonly path: string;
  readonly capabilities: readonly Capability[];
}

export function vaultPermissions(options: VaultOptions, env: VaultEnvironment): KeystorePermissions {
  const { kv, transit } = rulesOf(options);
  const ofRewrap = rewrapRules(options);
  const namespace = keystoreNamespace(options, env);
  const where = namespace === undefined ? "" : ` -namespace=${namespace}`;
  const version = options.version === "v1" ? "1" : "2";
  return {
    policy: [
      `# Keys of Keswick or KES in the KV engine of version ${version} at '${options.engine}'`,
      ...(namespace === undefined ? [] : [`# Namespace: ${namespace}`]),
      ...[...kv, ...transit].map(lineOf),
      "",
    ].join("\n"),
    notes: [
      `put it into force with: vault policy write${where} keswick FILE`,
      ...loginNotes(options),
      "Vault's policy 'default', which tokens have unless they are made without it, allows the rest: to renew and " +
        "revoke the token itself, and to ask what is mounted",
    ],
    lacking(operation, error) {
      const denied = deniedIn(error);
      if (denied === undefined) return undefined;
      const [method = "", path = ""] = denied.request.split(" ");
      if (operation === "rewrap") {
        const lacking = ofRewrap.find((rule) => rule.method === method && coversPath(rule.path, path));
        if (lacking !== undefined) return lineOf(lacking);
      }
      const ofTransit = transit.find((rule) => path.endsWith(`/v1/${rule.path}`));
      if (ofTransit !== undefined) return lineOf(ofTransit);
      if (!path.includes(`/v1/${pathOf(options.engine)}/`)) return undefined;
      const wanted = capabilityOf(method, operation);
      const rule = kv.find(({ capabilities }) => capabilities.includes(wanted));
      return rule === undefined ? undefined : lineOf(rule);
    },
  };
}

/** What one request needs: a create also reads, to tell an entry that is there from one that is not. */
function capabilityOf(method: string, operation: KeystoreOperation): Capability {
  if (method === "GET" && operation !== "list") return "read";
  return operation === "rewrap" ? "update" : operation;
}

/** What a rewrap needs besides reading: no server does, so it is no part of the least policy. */
function rewrapRules(options: VaultOptions): readonly (Rule & { readonly method: string })[] {
  const { transit, version } = options;
  const engine = pathOf(options.engine);
  const prefix = pathOf(options.prefix ?? "");
  const update = (path: string, method: string) => ({ path, method, capabilities: ["update"] }) as const;
  const read = (path: string) => ({ path, method: "GET", capabilities: ["read"] }) as const;
  return [
    ...(transit === undefined
      ? []
      : [update(joined(pathOf(transit.engine), "rewrap", pathOf(transit.key)), "POST")]),
    ...(version === "v1"
      ? [update(joined(engine, prefix, "*"), "PUT")]
      : [
          update(joined(engine, "data", prefix, "*"), "POST"),
          read(joined(engine, "metadata", prefix, "*")),
          read(joined(engine, "config")),
        ]),
  ];
}

/** @param path - of a URL */
function coversPath(pattern: string, path: string): boolean {
  if (!pattern.endsWith("*")) return path.endsWith(`/v1/${pattern}`);
  return path.includes(`/v1/${pattern.slice(0, -1)}`);
}

function rulesOf(options: VaultOptions): { readonly kv: readonly Rule[]; readonly transit: readonly Rule[] } {
  const engine = pathOf(options.engine);
  const prefix = pathOf(options.prefix ?? "");
  const kv: Rule[] =
    options.version === "v1"
      ? [
          { path: joined(engine, prefix, "*"), capabilities: ["create", "read", "delete", "list"] },
          { path: joined(engine, prefix), capabilities: ["list"] },
        ]
      : [
          { path: joined(engine, "data", prefix, "*"), capabilities: ["create", "read"] },
          { path: joined(engine, "metadata", prefix, "*"), capabilities: ["delete", "list"] },
          { path: joined(engine, "metadata", prefix), capabilities: ["list"] },
        ];
  const { transit } = options;
  if (transit === undefined) return { kv, transit: [] };
  const at = (operation: string): Rule => ({
    path: joined(pathOf(transit.engine), operation, pathOf(transit.key)),
    capabilities: ["update"],
  });
  return { kv, transit: [at("encrypt"), at("decrypt")] };
}

function lineOf({ path, capabilities }: Rule): string {
  return `path "${path}" { capabilities = [${capabilities.map((each) => `"${each}"`).join(", ")}] }`;
}

function loginNotes({ approle, kubernetes, jwt, cert }: VaultOptions): readonly string[] {
  const give = (text: string): readonly string[] => [`and give it to the log-in: ${text}`];
  if (approle !== undefined) {
    return give(`vault write auth/${approle.engine}/role/ROLE token_policies=keswick`);
  }
  if (kubernetes !== undefined) {
    return give(`vault write auth/${kubernetes.engine}/role/${kubernetes.role} token_policies=keswick …`);
  }
  if (jwt !== undefined) {
    return give(`vault write auth/${jwt.engine}/role/${jwt.role} token_policies=keswick …`);
  }
  if (cert !== undefined) {
    return give(`vault write auth/${cert.engine}/certs/${cert.name ?? "ROLE"} token_policies=keswick …`);
  }
  return ["and make the token with it: vault token create -policy=keswick"];
}

/** The refusal in a chain of causes. */
function deniedIn(error: unknown): VaultDenied | undefined {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof VaultDenied) return at;
  return undefined;
}
