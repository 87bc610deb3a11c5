/** `cluster`: the other nodes on the same keystore. */
import { resolve } from "node:path";
import type { ClusterConfig, Config, TlsConfig } from "../config.js";
import { list, optionalText, section, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";

/** Each is a connection of every worker process. */
const MAX_PEERS = 64;

export const clusterSchema = section(
  {
    peers: list(
      optionalText({ description: "https://host:port of a node." }),
      "Other nodes on the same keystore. They are told at once of each key that is created or deleted here, so that " +
        "they do not use an old one for as long as the cache allows. Each of them has to allow this node " +
        "/v1/key/changed/* by a policy. A node that is not reached learns of it as without this.",
    ),
    tls: section(
      {
        cert: optionalText({
          description: "PEM file with the certificate that this node shows to others; tls.cert by default.",
        }),
        key: optionalText({ description: "PEM file with its private key; tls.key by default." }),
        ca: optionalText({
          description:
            "PEM file, or folder of PEM files, with what the other nodes' certificates must chain to; the " +
            "certificates of the system by default.",
        }),
      },
      "How this node connects to the others.",
    ),
  },
  "The other nodes on the same keystore.",
);

type Value = ValueOf<typeof clusterSchema>;

/** @returns undefined without other nodes */
export function resolveCluster(value: Value, scope: Scope, own: TlsConfig, cwd: string): Config["cluster"] {
  const peers = value.peers.flatMap((peer, index) => {
    const at = scope.at("peers", index);
    const origin = originOf(peer);
    if (origin !== undefined) return [origin];
    // The text may hold a password; values that were refused already have their fault.
    if (at.ok) at.error("is no address of a node: write https://host:port");
    return [];
  });
  if (peers.length > MAX_PEERS) scope.at("peers").error(`more than ${MAX_PEERS} nodes`);
  const { cert, key, ca } = value.tls;
  if ((cert === undefined) !== (key === undefined)) {
    scope.at("tls").error("set both 'cert' and 'key', or neither");
  }
  if (peers.length === 0) return undefined;
  const path = (one: string | undefined): string | undefined =>
    one === undefined ? undefined : resolve(cwd, one);
  const caPath = path(ca);
  const cluster: ClusterConfig = {
    peers: [...new Set(peers)],
    certFile: path(cert) ?? own.certFile,
    keyFile: path(key) ?? own.keyFile,
    ...(cert === undefined && own.password !== undefined ? { password: own.password } : {}),
    ...(caPath === undefined ? {} : { caPath }),
  };
  return cluster;
}

/** `https://host:port`; undefined for anything else. */
function originOf(text: string | undefined): string | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined;
  const { protocol, username, password, pathname, search, hash, origin } = new URL(text);
  const isBare = username === "" && password === "" && pathname === "/" && search === "" && hash === "";
  return protocol === "https:" && isBare ? origin : undefined;
}
