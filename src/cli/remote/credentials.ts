/** Reads what a client proves itself with, asks for what is missing, and notes what others could read. */
import { resolve } from "node:path";
import type { ClientOptions } from "../../client/options.js";
import { type CommandContext, CommandError } from "../command.js";
import { readSecretFile } from "../secret-file.js";
import { type Credentials, credentialsOf } from "./environment.js";
import type { RemoteOptions } from "./options.js";

/**
 * The client's credentials of flags and environment.
 * @throws CommandError when they are missing, unreadable or malformed, or the password is wrong
 */
export async function readCredentials(
  context: CommandContext,
  options: RemoteOptions,
): Promise<Pick<ClientOptions, "apiKey" | "certificate" | "key" | "password">> {
  const credentials = credentialsOf(options, context.env);
  if (credentials.kind === "files") return readFiles(context, credentials);
  const isFile = credentials.apiKey.startsWith("@");
  if (options["api-key"] !== undefined && !isFile) {
    context.output.note(
      "the API key stands in the list of processes: better set MINIO_KES_API_KEY, or give --api-key @FILE",
    );
  }
  const text = isFile
    ? (await readSecretFile(context, "API key file", credentials.apiKey.slice(1))).toString("latin1")
    : credentials.apiKey;
  const { ApiKey, ApiKeyError } = await import("../../identity/api-key.js");
  try {
    return { apiKey: ApiKey.parse(text.trim()) };
  } catch (cause) {
    if (!(cause instanceof ApiKeyError)) throw cause;
    throw new CommandError(`parsing API key: ${cause.message}`, {
      hints: ["an API key begins with 'kes:v1:'; 'kes identity new' makes one"],
    });
  }
}

/** Here and not in the SDK, whose calls have deadlines: a person who is asked for a password may take any time. */
async function readFiles(
  context: CommandContext,
  { keyFile, certFile }: Extract<Credentials, { kind: "files" }>,
): Promise<Pick<ClientOptions, "certificate" | "key" | "password">> {
  const { unlockKeyFile } = await import("../identity/private-key-file.js");
  const { password } = await unlockKeyFile(context, keyFile);
  return {
    ...{ certificate: resolve(context.cwd, certFile), key: resolve(context.cwd, keyFile) },
    ...(password === undefined ? {} : { password }),
  };
}
