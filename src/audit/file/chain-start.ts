/** Where a chain goes on when a file is opened: decided from what was found, and told in the chain itself. */
import { type CheckpointSigner, checkpointOf, isSignedBy } from "./checkpoint.js";
import { frameOf, LineHasher, type Link } from "./line.js";
import type { Notice } from "./members.js";
import type { AuditFileSystem } from "./system.js";
import type { Tail } from "./tail.js";

/** A place in a chain that somebody remembers. */
export interface Remembered {
  readonly chain: string;
  readonly last: Link;
}

export interface ChainStart {
  readonly chain: string;
  /** The file that was found is gone on with; otherwise a new one begins behind `last`. */
  readonly goesOn: boolean;
  readonly last: Link | undefined;
  readonly notices: readonly Notice[];
}

export interface Findings {
  /** Undefined where there is no audit file. */
  readonly tail: Tail | undefined;
  /** Bytes of what was found; 0 for nothing. */
  readonly size: number;
  /** What this process itself wrote last. */
  readonly known: Remembered | undefined;
  /** The last checkpoint, from the file beside: `bad` when it is none of this key's. */
  readonly head: Remembered | "bad" | undefined;
  readonly version: string;
  readonly freshChain: () => string;
}

/** A number is never used twice: where lines are missing the chain goes on behind them, and the gap shows. */
export function chainStart({ tail, size, known, head, version, freshChain }: Findings): ChainStart {
  const remembered = known ?? (head === "bad" ? undefined : head);
  const notices: Notice[] = [];
  if (head === "bad" && known === undefined)
    notices.push(damaged("the last checkpoint beside the file is not signed by this key"));
  if (tail === undefined) {
    if (size > 0) notices.push(damaged("no audit file was found in its place"));
    if (known === undefined) notices.push({ event: "start", details: { version } });
    const chain = remembered?.chain ?? freshChain();
    return { chain, goesOn: false, last: remembered?.last, notices };
  }
  if (known === undefined) notices.push(resumed(tail, version));
  if (tail.damagedAt !== undefined)
    notices.push(damaged("a line does not fit those before it", tail.damagedAt));
  if (remembered === undefined) return { chain: tail.chain, goesOn: true, last: tail.last, notices };
  if (remembered.chain !== tail.chain) {
    notices.push(damaged("the file belongs to another chain"));
    return { ...remembered, goesOn: false, notices };
  }
  const { sequence, hash } = remembered.last;
  const there = tail.hashOf(sequence);
  if (tail.last.sequence < sequence) {
    notices.push(damaged("lines at the end are missing", tail.last.sequence + 1));
    return { ...remembered, goesOn: false, notices };
  }
  if (there !== undefined && there !== hash) notices.push(damaged("a line was replaced", sequence));
  return { chain: tail.chain, goesOn: true, last: tail.last, notices };
}

function damaged(what: string, line?: number): Notice {
  return { event: "damaged", details: { what, ...(line === undefined ? {} : { line }) } };
}

function resumed({ closed, unsigned, last }: Tail, version: string): Notice {
  return { event: "resume", details: { version, after: last.sequence, closed, unsigned } };
}

/** The checkpoint in the file beside an audit file. */
export async function readHead(
  fs: Pick<AuditFileSystem, "readText">,
  path: string,
  signer: CheckpointSigner,
): Promise<Remembered | "bad" | undefined> {
  let text: string;
  try {
    text = await fs.readText(path);
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return undefined;
    throw cause;
  }
  const line = Buffer.from(text.trimEnd());
  const frame = frameOf(line);
  const checkpoint = checkpointOf(line);
  if (frame === undefined || checkpoint === undefined) return "bad";
  const { last, chain, key } = checkpoint;
  const isWhole =
    frame.sequence === last.sequence + 1 && new LineHasher().hash(last.hash, line) === frame.hash;
  // After a change of the key the checkpoint is still that of the old one.
  const isGood = isWhole && (key !== signer.keyId || isSignedBy(checkpoint, signer.publicKey));
  return isGood ? { chain, last: { sequence: frame.sequence, hash: frame.hash } } : "bad";
}
