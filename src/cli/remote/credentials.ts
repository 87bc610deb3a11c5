/** Reads what a client proves itself with, asks for what is missing, and notes what others could read. */
import { resolve } from "node:path";
import type { ClientOptions } from "../../client/options.js";
import { type CommandContext, CommandError } from "../command.js";
import { askPassword } from "../prompt.js";
import { noteIfReadable, readSecretFile } from "../secret-file.js";
import { type Credentials, credentialsOf } from "./environment.js";
import type { RemoteOptions } from "./options.js";

const QUESTION = "Enter password for private key: ";
const WITHOUT_TERMINAL = "set MINIO_KES_KEY_PASSWORD to the password of the private key";

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

async function readFiles(
  context: CommandContext,
  { keyFile, certFile, password }: Extract<Credentials, { kind: "files" }>,
): Promise<Pick<ClientOptions, "certificate" | "key" | "password">> {
  const files = { certificate: resolve(context.cwd, certFile), key: resolve(context.cwd, keyFile) };
  const text = await readKeyText(files.key, keyFile);
  await noteIfReadable(context, "private key file", keyFile);
  const { privateKeyOfPem, PrivateKeyError } = await import("../../identity/private-key.js");
  const check = (given: string | undefined): "missing" | undefined => {
    try {
      privateKeyOfPem(text, given);
      return undefined;
    } catch (error) {
      if (!(error instanceof PrivateKeyError)) throw error;
      if (error.password === "missing") return "missing";
      if (error.password === "refused") {
        throw new CommandError("incorrect password", {
          hints: [`of the private key '${keyFile}', or it is encrypted by a cipher that is not known here`],
        });
      }
      throw new CommandError(`private key file '${keyFile}': ${error.message.replace(/^https: /, "")}`);
    }
  };
  if (check(password) === undefined) return password === undefined ? files : { ...files, password };
  // Here and not in the SDK, whose calls have deadlines: a person may take any time.
  const answer = await askPassword(context, QUESTION, WITHOUT_TERMINAL);
  if (check(answer) === "missing") throw new CommandError("incorrect password", { hints: ["it is empty"] });
  return { ...files, password: answer };
}

/** @param shown - the file as the person named it */
async function readKeyText(file: string, shown: string): Promise<string> {
  const { PemFileError, readPemFile } = await import("../../identity/pem-file.js");
  try {
    return await readPemFile(file);
  } catch (error) {
    if (!(error instanceof PemFileError)) throw error;
    throw new CommandError(`private key file '${shown}': ${error.message}`, { cause: error });
  }
}
