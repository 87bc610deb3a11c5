/** Which server, and as whom: from flags and environment (KES reference §14.2, and the names that MinIO has). */
import { CommandError } from "../command.js";
import type { RemoteOptions } from "./options.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** By purpose, the first that is set wins, even when it is empty. The last of each file is MinIO's own name. */
export const VARIABLES = {
  server: ["MINIO_KES_SERVER", "KES_SERVER", "MINIO_KMS_KES_ENDPOINT"],
  apiKey: ["MINIO_KES_API_KEY", "KES_API_KEY", "MINIO_KMS_KES_API_KEY"],
  keyFile: ["MINIO_KES_KEY_FILE", "KES_CLIENT_KEY", "MINIO_KES_CLIENT_KEY", "MINIO_KMS_KES_KEY_FILE"],
  certFile: ["MINIO_KES_CERT_FILE", "KES_CLIENT_CERT", "MINIO_KES_CLIENT_CERT", "MINIO_KMS_KES_CERT_FILE"],
  ca: ["MINIO_KES_CAPATH", "KES_CAPATH", "MINIO_KMS_KES_CAPATH"],
  keyPassword: ["MINIO_KES_KEY_PASSWORD", "KES_KEY_PASSWORD", "MINIO_KMS_KES_KEY_PASSWORD"],
} as const;

export const DEFAULT_SERVER = "127.0.0.1:7373";

export type Credentials =
  | { readonly kind: "api-key"; readonly apiKey: string }
  | {
      readonly kind: "files";
      readonly certFile: string;
      readonly keyFile: string;
    };

/** The variable that counts for a purpose. */
function variableOf(env: Environment, purpose: keyof typeof VARIABLES): string | undefined {
  return VARIABLES[purpose].find((name) => env[name] !== undefined);
}

function settingOf(env: Environment, purpose: keyof typeof VARIABLES): string | undefined {
  return env[variableOf(env, purpose) ?? ""];
}

/** As written; the SDK adds scheme and port. */
export function serversOf(options: Pick<RemoteOptions, "server">, env: Environment): readonly string[] {
  const given = options.server.length > 0 ? options.server : (settingOf(env, "server") ?? "").split(",");
  const servers = given.map((server) => server.trim()).filter((server) => server !== "");
  return servers.length > 0 ? servers : [DEFAULT_SERVER];
}

/** Who says which server it is: a flag, a variable's name, or undefined for the default. */
export function serverSource(options: Pick<RemoteOptions, "server">, env: Environment): string | undefined {
  if (options.server.length > 0) return "--server";
  const variable = variableOf(env, "server");
  return /[^,\s]/.test(env[variable ?? ""] ?? "") ? variable : undefined;
}

export function caOf(options: Pick<RemoteOptions, "ca">, env: Environment): string | undefined {
  return options.ca ?? (settingOf(env, "ca") || undefined);
}

/**
 * An API key may be given as `@FILE`, the file that holds it.
 * @throws CommandError in KES's words when the credentials are missing or contradict each other
 */
export function credentialsOf(options: Pick<RemoteOptions, "api-key">, env: Environment): Credentials {
  const apiKey = options["api-key"] ?? settingOf(env, "apiKey") ?? "";
  const keyFile = settingOf(env, "keyFile") ?? "";
  const certFile = settingOf(env, "certFile") ?? "";
  if (apiKey !== "") {
    // A flag is more to the point than a file that the environment happens to name.
    if (options["api-key"] === undefined) {
      if (keyFile !== "")
        throw new CommandError("API key and private key file cannot be used at the same time");
      if (certFile !== "")
        throw new CommandError("API key and certificate file cannot be used at the same time");
    }
    return { kind: "api-key", apiKey };
  }
  if (keyFile === "" && certFile === "") {
    throw new CommandError("no API key specified. Consider setting MINIO_KES_API_KEY", {
      hints: [
        "'kes identity new' makes an API key; or set MINIO_KES_CERT_FILE and MINIO_KES_KEY_FILE to a certificate and its key",
      ],
    });
  }
  if (certFile === "") {
    throw new CommandError("no certificate file specified. Consider setting MINIO_KES_CERT_FILE");
  }
  if (keyFile === "") {
    throw new CommandError("no private key file specified. Consider setting MINIO_KES_KEY_FILE");
  }
  return { kind: "files", certFile, keyFile };
}
