/** Mistakes teach: what went wrong with a server, and what to do about it. */
import type { KesClient } from "../../client/client.js";
import type { ErrorCode, KesError } from "../../errors.js";
import { type CommandContext, CommandError } from "../command.js";
import { caOf, DEFAULT_SERVER, serverSource, serversOf } from "./environment.js";
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
  /** The one server that was asked, where it is one of several. */
  readonly server?: string;
  /** Who says which server it is, where it is neither flag nor environment. */
  readonly namedBy?: string;
  /** Absent while it is being set up. */
  readonly client?: Pick<KesClient, "identity" | "listKeys">;
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
  ENDPOINT_UNREACHABLE: (_about, place, error) => [
    ...address(place),
    ...proxy(place),
    // Keswick's servers do so instead of an alert.
    ...(CLOSED.test(codeOf(error.cause))
      ? [
          `with 'tls.auth: on' a server hangs up on certificates of authorities unknown to it${asWhom(place)}; its error log tells`,
        ]
      : []),
  ],
  CALL_TIMEOUT: (_about, place) => [...address(place), ...proxy(place), "--timeout 1m waits longer"],
  ANSWER_INVALID: (_about, place) => [...address(place), ...proxy(place)],
  PATH_NOT_FOUND: (_about, place) => [
    "the server is too old for this call, or no key server",
    ...address(place),
  ],

  SERVER_UNTRUSTED: (_about, place, error) => [
    ...address(place),
    ...(UNKNOWN_AUTHORITY.test(codeOf(error.cause)) ? authority(place) : []),
    "-k skips the check: whoever stands in between then reads and changes everything",
  ],

  CERTIFICATE_REQUIRED: () => [
    "it got lost on the way: a proxy that ends TLS has to pass it on (see 'tls.proxy' in the server's configuration)",
  ],

  CERTIFICATE_REFUSED: (_about, { client }) => [
    ...(client?.identity === undefined ? [] : [`asked as identity ${client.identity}`]),
    "MINIO_KES_CERT_FILE and MINIO_KES_KEY_FILE name a certificate and its key; the server's 'tls.ca' names who may sign it",
  ],

  NOT_AUTHORIZED: ({ path }, { client }) => {
    const identity = client?.identity;
    const who = identity === undefined ? "a client without certificate" : `identity ${identity}`;
    if (path === undefined) return [`asked as ${who}`];
    return [
      `to allow it, add '${path}' to 'allow' of the policy of ${who}`,
      ...(identity === undefined
        ? []
        : [`this shows why: kes policy explain --identity ${identity} --path ${word(path)}`]),
    ];
  },

  KEY_NOT_FOUND: async ({ key }, { client, signal }) =>
    key === undefined || client === undefined ? [] : nearestKeys(client, key, signal),

  IDENTITY_NOT_FOUND: ({ path }, { client }) =>
    client?.identity === undefined || path !== "/v1/identity/self/describe"
      ? []
      : [
          `identity ${client.identity} is neither the admin nor in a policy: add it to 'identities' of one in the server's configuration`,
        ],

  DECRYPT_FAILED: () => ["it was made with another key or another context, or is not complete"],
};

/** A connection that was made and went away. */
const CLOSED = /^(?:ECONNRESET|EPIPE|ENOTCONN|UND_ERR_SOCKET)$/;

/** What OpenSSL says when nothing that is trusted has signed a certificate. */
const UNKNOWN_AUTHORITY =
  /SELF_SIGNED|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY_LEAF|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE/;

/** How to come by the certificate that is to be trusted. */
function authority(place: Place): readonly string[] {
  const { context, options } = place;
  const ca = caOf(options, context.env);
  return [
    ca === undefined
      ? "--ca FILE (or MINIO_KES_CAPATH) names what to trust: the server's certificate, or that of the authority that signed it"
      : `nothing but '${ca}' is trusted (--ca or MINIO_KES_CAPATH): it is not what signed the server's certificate`,
    "the server's certificate is what its configuration calls 'tls.cert' ('kes init' makes it as server.crt);",
    `without access to the server: openssl s_client -showcerts -connect ${firstHost(place)} </dev/null shows it, to be compared with the server's own`,
  ];
}

function asWhom({ client }: Place): string {
  return client?.identity === undefined ? "" : ` (asked as identity ${client.identity})`;
}

function codeOf(cause: unknown): string {
  return typeof cause === "object" && cause !== null && "code" in cause ? String(cause.code) : "";
}

/** Which addresses were tried, and who named them. */
function address({ context: { env }, options, server, namedBy }: Place): readonly string[] {
  const source = namedBy ?? serverSource(options, env);
  if (source === undefined) {
    return [`neither --server nor MINIO_KES_SERVER names a server: ${DEFAULT_SERVER} is the default`];
  }
  const servers = server ?? serversOf(options, env).join(", ");
  return [`${source} names ${servers}: is that where the key server runs?`];
}

/** The proxy's own address may hold a password. */
function proxy({ context: { env } }: Place): readonly string[] {
  const name = ["https_proxy", "HTTPS_PROXY"].find((variable) => (env[variable] ?? "") !== "");
  return name === undefined ? [] : [`${name} is set: NO_PROXY exempts hosts from going through the proxy`];
}

/** `host:port` for a command line. */
function firstHost(place: Place): string {
  const [first = DEFAULT_SERVER] = serversOf(place.options, place.context.env);
  const server = place.server ?? first;
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
