/** PEM blocks (RFC 7468, and RFC 1421 headers as RFC 1423 uses them for encrypted keys). */

/** One `-----BEGIN label-----` block. */
export interface PemBlock {
  readonly label: string;
  /** `Proc-Type`, `DEK-Info`; empty for most. */
  readonly headers: ReadonlyMap<string, string>;
  readonly bytes: Uint8Array;
  /** The block as it stands, newline at the end; parsers that know the headers want it so. */
  readonly text: string;
}

/** Longest text that is searched for blocks, in characters: far above any chain of certificates. */
export const MAX_PEM_CHARS = 1024 * 1024;

/** The text is no PEM. The message never quotes it. */
export class PemError extends Error {
  override readonly name = "PemError";
}

const BEGIN = /^-----BEGIN ([A-Z0-9][A-Z0-9 ]{0,63})-----$/;
const HEADER = /^([A-Za-z][A-Za-z0-9-]{0,63}):[ \t]*(.*)$/;
const BASE64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * Every block of `text`, in order. Text around blocks is skipped: `openssl` and CAs write it.
 * @throws PemError for a block without end or with a body that is not base64
 */
export function pemBlocks(text: string): PemBlock[] {
  if (text.length > MAX_PEM_CHARS) throw new PemError("PEM data is too large");
  const lines = text.split("\n").map((line) => line.trimEnd());
  const blocks: PemBlock[] = [];
  for (let start = 0; start < lines.length; start++) {
    const label = BEGIN.exec(lines[start] ?? "")?.[1];
    if (label === undefined) continue;
    const end = lines.indexOf(`-----END ${label}-----`, start + 1);
    if (end < 0) throw new PemError("PEM block has no end");
    blocks.push(readBlock(label, lines.slice(start, end + 1)));
    start = end;
  }
  return blocks;
}

/** `bytes` as one PEM block with lines of 64 characters. */
export function toPem(label: string, bytes: Uint8Array): string {
  const lines =
    Buffer.from(bytes)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

function readBlock(label: string, lines: readonly string[]): PemBlock {
  const headers = new Map<string, string>();
  let at = 1;
  for (; at < lines.length - 1; at++) {
    const header = HEADER.exec(lines[at] ?? "");
    if (header === null) break;
    headers.set(header[1] ?? "", header[2] ?? "");
  }
  const body = lines.slice(at, -1).join("");
  if (!BASE64.test(body) || body.length % 4 !== 0) throw new PemError("PEM block is not valid base64");
  return { label, headers, bytes: Buffer.from(body, "base64"), text: `${lines.join("\n")}\n` };
}
