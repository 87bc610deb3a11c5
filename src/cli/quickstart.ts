/** What `kes start` shows once the server runs: lines to paste into a second terminal. */

/** Absolute paths. */
export interface QuickstartPaths {
  readonly serverCert: string;
  readonly adminKey: string;
  readonly adminCert: string;
  readonly clientKey: string;
  readonly clientCert: string;
}

/** Where the server listens. */
export interface ListenAddress {
  /** As bound: may be `0.0.0.0`, `::` or empty for all interfaces. */
  readonly host: string;
  readonly port: number;
}

/** The name of the key in the lines, and MinIO's default key. */
const KEY_NAME = "my-minio-key";

/** Every line stands for itself but the last of the round trip, which opens what the one before made. */
export function quickstart(paths: QuickstartPaths, listen: ListenAddress): string {
  const url = endpointOf(listen);
  const api = (path: string): string => quote(`${url}/v1/key/${path}`);
  const curl = [
    "curl -sS",
    `--cacert ${quote(paths.serverCert)}`,
    // curl reads `file:password`, so a colon within the path must be escaped for it.
    `--cert ${quote(paths.adminCert.replace(/[\\:]/g, "\\$&"))}`,
    `--key ${quote(paths.adminKey)}`,
  ].join(" ");
  const minio = [
    ["ENDPOINT", url],
    ["KEY_NAME", KEY_NAME],
    ["CERT_FILE", paths.clientCert],
    ["KEY_FILE", paths.clientKey],
    ["CAPATH", paths.serverCert],
  ].map(([name, value = ""]) => `export MINIO_KMS_KES_${name}=${quote(value)}`);

  const steps: readonly [title: string, ...lines: string[]][] = [
    ["Create a key:", `${curl} -X PUT ${api(`create/${KEY_NAME}`)}`],
    [
      "Generate a data key, in plaintext and sealed under that key:",
      `dek=$(${curl} -X PUT ${api(`generate/${KEY_NAME}`)}); echo "$dek"`,
    ],
    [
      "Decrypt the sealed form; the plaintext is the same:",
      // Only the member `ciphertext` is sent back, as the body of the request.
      `echo "$dek" | sed 's/.*\\("ciphertext":"[^"]*"\\).*/{\\1}/' | ` +
        `${curl} -X PUT --data @- ${api(`decrypt/${KEY_NAME}`)}`,
    ],
    ["List the keys:", `${curl} ${api("list/*")}`],
    ["Let a MinIO server on this host use it (set before it starts):", ...minio],
  ];
  const blocks = steps.map(([title, ...lines]) => `${title}\n\n${lines.join("\n")}\n`);
  return `\nTo try it, paste these lines into a second terminal.\n\n${blocks.join("\n")}\n`;
}

/** An address that a client on this host can use and that the certificate made by `kes init` names. */
function endpointOf({ host, port }: ListenAddress): string {
  const isEverywhere = host === "" || host === "0.0.0.0" || host === "::";
  const reachable = isEverywhere ? "127.0.0.1" : host;
  return `https://${reachable.includes(":") ? `[${reachable}]` : reachable}:${port}`;
}

/** `text` as one word of a POSIX shell, quoted only when it must be. */
export function quote(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
