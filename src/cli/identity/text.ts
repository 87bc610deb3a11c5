/** What the identity commands tell a person. */
import type { ApiKey } from "../../identity/api-key.js";
import type { Style } from "../style.js";
import type { NewIdentity } from "./create.js";

/** A heading and a value below it, with an empty line before and between. */
export function block(style: Style, heading: string, value: string): string {
  return `\n${style.bold(`${heading}:`)}\n\n   ${value}\n`;
}

/** A new API key and its identity. */
export function apiKeyText(style: Style, apiKey: ApiKey): string {
  return [
    block(style, "Your API key", style.cyan(apiKey.toString())),
    "\nIt is shown this once and stored nowhere. Keep it secret: whoever has it is\n",
    "taken for you. Programs take it from the variable MINIO_KES_API_KEY.\n",
    block(style, "Your Identity", style.cyan(apiKey.identity)),
    "\nIt is no secret. A server lets you in when a policy of its configuration lists\n",
    "this identity.\n",
  ].join("");
}

/** What `kes identity new` has made and how to come by the identity again. */
export function newIdentityText(style: Style, { apiKey, files }: NewIdentity): string {
  const again = [`echo "$MINIO_KES_API_KEY" | kes identity of -`];
  const stored: string[] = [];
  if (files !== undefined) {
    const until = new Date(files.notAfterMs).toISOString().slice(0, 10);
    stored.push(
      `\nThe private key is stored in:  ${files.key}\n`,
      `The certificate is stored in:  ${files.cert} (valid until ${until})\n`,
    );
    again.push(`kes identity of ${quote(files.cert)}`);
  }
  return [
    apiKeyText(style, apiKey),
    ...stored,
    "\nTo compute the identity again:\n\n",
    ...again.map((line) => `   ${line}\n`),
  ].join("");
}

/** `2031-01-01T00:00:00Z`: certificates know no fractions of a second. */
export function dateOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}

/** `text` as one word of a POSIX shell, quoted only when it must be. */
function quote(text: string): string {
  return /^[A-Za-z0-9_@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
