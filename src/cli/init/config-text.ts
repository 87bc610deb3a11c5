/** The configuration that `kes init` writes into a folder of its own. */
import { join } from "node:path";
import type { Layout } from "./layout.js";

/** Paths are absolute, because relative ones are resolved against the server's working directory. */
export function configText(layout: Layout, config: { readonly policyFile: string }): string {
  // A JSON string is a YAML double-quoted scalar, whatever the path holds.
  const quoted = (path: string): string => JSON.stringify(path);
  return `# Made by kes init. Every option is described in the kes-config.yml that comes with Keswick.
version: v1

# All interfaces. Clients without a certificate are turned away in the TLS handshake.
address: 0.0.0.0:7373

admin:
  # Whom no policy limits. The path of a certificate stands for the identity of its holder.
  identity: ${quoted(layout.certFile.admin)}

tls:
  key: ${quoted(layout.keyFile.server)}
  cert: ${quoted(layout.certFile.server)}

policy:
  # What a MinIO server needs. Add the certificates or identities of further servers to the list.
  minio:
    file: ${quoted(config.policyFile)}
    identities:
      - ${quoted(layout.certFile.client)}

cache:
  expiry:
    any: 5m0s
    unused: 30s
    offline: 0s

log:
  error: on
  audit: on

# Records that can be proved afterwards: remove the '#' for a file that 'kes audit verify --key audit.pub' checks.
#audit:
  #file:
    #path: ${quoted(join(layout.dir, "audit.log"))}
    #key: ${quoted(layout.auditKey.keyFile)}
  # true: no answer with key material leaves before its record is on the disk.
  #required: false

keystore:
  fs:
    path: ${quoted(layout.keysDir)}
`;
}
