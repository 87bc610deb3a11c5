/** What the pages say of the documents that come with Keswick. */

/** The version, and whether keys can be served: all that a page tells of a running server. */
export interface LandingFacts {
  readonly version: string;
  /** Full hash, or `unknown`. */
  readonly commit: string;
  readonly isReady: boolean;
}

/** Name of a document in the package or repository → what stands in it. */
export const documents: readonly (readonly [name: string, holds: string])[] = [
  ["README.md", "Quick start, configuration, API, errors, limits"],
  ["kes-config.yml", "Every option of the configuration, with its default"],
  ["policies/", "A policy for each kind of client"],
  ["SECURITY.md", "Threat model, and how to report a weakness"],
  ["docs/architecture.md", "The way of a request, and what lives where"],
];

/** How a client gets in: sentences, in which `…` marks what is typed, and the command they speak of. */
export const steps: readonly (readonly [text: string, command?: string])[] = [
  [
    "Make a private key and a certificate. (`kes init` made a first pair on the server's own host. Other tools will " +
      "do as well, if what they make is not a CA's certificate.)",
    "kes identity new --key client.key --cert client.crt",
  ],
  [
    "The identity, which is printed with it, is the hash of the public key. To compute it again:",
    "kes identity of client.crt",
  ],
  [
    "Send the identity, never the private key, to whoever runs this server. It is entered under a policy in " +
      "the configuration, which is then read again.",
  ],
  [
    "Ask the server who you are and what you may do. Put its address in place of `127.0.0.1:7373`; " +
      "`server.crt` is its certificate or that of its CA.",
    "export MINIO_KES_CERT_FILE=client.crt MINIO_KES_KEY_FILE=client.key\n" +
      "kes identity info --server 127.0.0.1:7373 --ca server.crt",
  ],
  [
    "Any HTTPS client can ask the same, for example curl.",
    "curl --cacert server.crt --cert client.crt --key client.key \\\nhttps://127.0.0.1:7373/v1/identity/self/describe",
  ],
];

/** What this is, in one paragraph. */
export const purpose =
  "Keswick is a key encryption service: storage servers ask it for the data keys that encrypt their objects. " +
  "It knows each caller by its certificate and holds it to a policy; the keys that seal the data keys are " +
  "never given out. It speaks the API of MinIO KES.";
