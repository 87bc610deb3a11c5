/** `tls`: the server's certificate, and how client certificates are treated. */
import { resolve } from "node:path";
import type { Identity } from "../../names.js";
import type { TlsConfig } from "../config.js";
import type { LoadContext } from "../context.js";
import type { IdentityReader } from "../identities.js";
import { flag, list, optionalText, requiredText, section, text, type ValueOf } from "../schema.js";
import type { Scope } from "../scope.js";

const FORMATS = ["auto", "pem", "der", "xfcc", "rfc9440"] as const;

export const tlsSchema = section(
  {
    key: requiredText({
      description: "PEM file with the server's private key, relative to the working directory.",
      missing: "kesconf: invalid tls config: no private key",
    }),
    cert: requiredText({
      description: "PEM file with the server's certificate and its chain; it must name a host or an address.",
      missing: "kesconf: invalid tls config: no certificate",
    }),
    password: optionalText({ description: "Decrypts the private key." }),
    auth: text({
      default: "off",
      description:
        "on: client certificates must be issued by a CA of tls.ca or of the system. off: any certificate will do, " +
        "since its identity decides.",
    }),
    ca: optionalText({
      description: "PEM file, or folder of PEM files, with CA certificates for tls.auth.",
    }),
    proxy: section(
      {
        identities: list(
          optionalText({ description: "A proxy." }),
          "Identities of the reverse proxies that may speak for their clients.",
        ),
        header: section(
          {
            cert: optionalText({
              description: "Header in which a proxy passes on its client's certificate, URL-encoded PEM.",
            }),
          },
          "Names of headers.",
        ),
        format: text({
          default: "auto",
          enum: FORMATS,
          description:
            "How the header holds the certificate. pem: URL-encoded PEM (nginx). der: base64 of DER (HAProxy). xfcc: " +
            "X-Forwarded-Client-Cert (Envoy). rfc9440: Client-Cert. auto: any of these, told by the value.",
        }),
        only: flag({
          default: false,
          description:
            "true: all clients come through the listed proxies. Whoever else connects gets nothing but routes with " +
            "skip_auth, and not even those with a forwarding header.",
        }),
      },
      "Reverse proxies that end TLS and pass the client's certificate on.",
    ),
  },
  "The server's certificate, and how client certificates are treated.",
);

/** A header name as RFC 9110 has it. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

export async function resolveTls(
  value: ValueOf<typeof tlsSchema>,
  scope: Scope,
  context: LoadContext,
  reader: IdentityReader,
): Promise<TlsConfig> {
  const path = (one: string | undefined): string => resolve(context.cwd, one ?? "");
  const verifyClients = readAuth(value.auth, scope.at("auth"));
  if (value.ca !== undefined && !verifyClients) {
    scope.at("ca").warn("has no effect while 'tls.auth' is off: client certificates are not verified");
  }
  return {
    keyFile: path(value.key),
    certFile: path(value.cert),
    ...(value.password === undefined ? {} : { password: value.password }),
    verifyClients,
    ...(value.ca === undefined ? {} : { caPath: path(value.ca) }),
    proxy: await resolveProxy(value.proxy, scope.at("proxy"), reader),
  };
}

function readAuth(auth: string, at: Scope): boolean {
  const word = auth.toLowerCase();
  if (word === "on") return true;
  if (word !== "off" && word !== "") {
    at.error(`kesconf: invalid tls config: invalid auth '{ ${at.shown(auth)}}'; write on or off`);
  }
  return false;
}

async function resolveProxy(
  value: ValueOf<typeof tlsSchema>["proxy"],
  scope: Scope,
  reader: IdentityReader,
): Promise<TlsConfig["proxy"]> {
  const identities: Identity[] = [];
  for (const [index, one] of value.identities.entries()) {
    const at = scope.at("identities", index);
    const read = at.ok ? await reader.read(one, at, "tls.proxy") : undefined;
    if (read?.kind === "identity") identities.push(read.identity);
    else if (read?.kind === "text") at.error(`'${at.shown(one)}' is no identity; write 64 hex digits`);
  }
  const header = value.header.cert;
  const format = FORMATS.find((one) => one === value.format) ?? "auto";
  const rules = { identities, format, only: value.only };
  if (value.only && identities.length === 0) {
    scope.at("only").error("nobody could connect: list the proxies in 'tls.proxy.identities'");
  }
  if (header === undefined) {
    // The proxy would be refused on each request, and its clients with it.
    if (identities.length > 0)
      scope.warn("proxies are listed, but not the header: set 'tls.proxy.header.cert'");
    return rules;
  }
  const at = scope.at("header", "cert");
  if (!TOKEN.test(header)) at.error(`'${at.shown(header)}' is not a valid header name`);
  return { ...rules, certificateHeader: header.toLowerCase() };
}
