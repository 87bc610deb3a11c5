/** Mistakes teach: what went wrong with a server, and what to do about it. */
import type { KesClient } from "../../client/client.js";
import type { ErrorCode, KesError } from "../../errors.js";
import { type CommandContext, CommandError } from "../command.js";
import { DEFAULT_SERVER, serverSource, serversOf } from "./environment.js";
import { nearestKeys } from "./nearest-keys.js";
import type { RemoteOptions } from "./options.js";

/** What a call was about; each member makes the explanation better. */
export interface About {
  /** What could not be done: `failed to create key "my-key"`. */
  readonly what?: string;
  /** The path that was asked for, as a policy writes it: `/v1/key/create/my-key`. */
  readonly path?: string;
  /** The key that was asked for. */
  readonly key?: string;
}

/** Who asked, and how. */
export interface Place {
  readonly context: CommandContext;
  readonly options: RemoteOptions;
  /** Absent while it is being set up. */
  readonly client?: KesClient;
  readonly signal?: AbortSignal;
}

/** The error that a person is shown. @throws the signal's reason when it is aborted meanwhile */
export async function explain(error: KesError, about: About, place: Place): Promise<CommandError> {
  const isSetUp = error.code === "CLIENT_OPTIONS_INVALID" || error.code === "CREDENTIALS_INVALID";
  const what = isSetUp || about.what === undefined ? "" : `${about.what}: `;
  const hints = (await HINTS[error.code]?.(about, place, error)) ?? [];
  return new CommandError(what + error.message, { hints, cause: error });
}

type Hints = (about: About, place: Place, error: KesError) => readonly string[] | Promise<readonly string[]>;

const HINTS: Partial<Record<ErrorCode, Hints>> = {
  ENDPOINT_UNREACHABLE: (_about, place) => [...address(place), ...proxy(place)],

  SERVER_UNTRUSTED: (_about, place) => [
    ...address(place),
    "--ca FILE (or MINIO_KES_CAPATH) names what to trust: the server's own certificate, or that of the authority that signed it",
    `the certificate is the file of 'tls.cert' in the server's configuration ('kes init' calls it server.crt); over the network: openssl s_client -showcerts -connect ${firstHost(place)} </dev/null, then compare it with the server's`,
    "-k skips the check: whoever is in between then reads and changes everything",
  ],

  CERTIFICATE_REQUIRED: () => [
    "the certificate did not arrive: a proxy that ends TLS in between has to pass it on ('tls.proxy' in the server's configuration)",
  ],

  CERTIFICATE_REFUSED: (_about, { client }) => [
    ...(client?.identity === undefined ? [] : [`identity ${client.identity}`]),
    "with 'tls.auth: on' a server takes certificates of its authorities ('tls.ca') alone, and no API keys: set MINIO_KES_CERT_FILE and MINIO_KES_KEY_FILE",
    "a certificate also has to be valid today, and made for client authentication",
  ],

  NOT_AUTHORIZED: ({ path }, { client }) => {
    const identity = client?.identity;
    const who = identity === undefined ? "a client without certificate" : `identity ${identity}`;
    if (path === undefined) return [`asked as ${who}`];
    return [
      `to allow it, add '${path}' to 'allow' of the policy of ${who}`,
      ...(identity === undefined ? [] : [`kes policy explain --identity ${identity} --path ${word(path)}`]),
    ];
  },

  KEY_NOT_FOUND: async ({ key }, { client, signal }) =>
    key === undefined || client === undefined ? [] : nearestKeys(client, key, signal),

  DECRYPT_FAILED: () => ["it was made with another key or another context, or is not complete"],

  PATH_NOT_FOUND: (_about, place) => ["the server is too old for this, or no key server", ...address(place)],

  ANSWER_INVALID: (_about, place) => [...address(place), ...proxy(place)],

  ANSWER_LOST: ({ key }) => (key === undefined ? [] : [`kes key info ${key} tells whether it is there`]),

  CALL_TIMEOUT: (_about, place) => [...address(place), ...proxy(place), "--timeout 1m waits longer"],
};

/** Which addresses were tried, and who named them. */
function address({ context: { env }, options }: Place): readonly string[] {
  const source = serverSource(options, env);
  if (source === undefined) {
    return [`neither --server nor MINIO_KES_SERVER names a server: ${DEFAULT_SERVER} is the default`];
  }
  return [
    `${serversOf(options, env).join(", ")} is what ${source} names: is that where the key server runs?`,
  ];
}

/** The proxy's own address may hold a password. */
function proxy({ context: { env } }: Place): readonly string[] {
  const name = ["https_proxy", "HTTPS_PROXY"].find((variable) => (env[variable] ?? "") !== "");
  return name === undefined ? [] : [`${name} is set: NO_PROXY exempts hosts from going through the proxy`];
}

/** `host:port` for a command line. */
function firstHost({ context: { env }, options }: Place): string {
  const [server = DEFAULT_SERVER] = serversOf(options, env);
  const hasScheme = /^https?:\/\//.test(server);
  const text = server.replace(/^(?:https?:\/\/)?/, "https://");
  if (!URL.canParse(text)) return "HOST:PORT";
  const { hostname, port } = new URL(text);
  return `${hostname}:${port || (hasScheme ? "443" : "7373")}`;
}

/** As one word of a shell. */
function word(text: string): string {
  return /^[\w/.:@%+=-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
