/** What somebody who can write the files of an audit log, but has not its key, may try. */
import { generateKeyPairSync, hash, type KeyObject, sign } from "node:crypto";

/** A number below `n`. */
export type Draw = (n: number) => number;

/** Three files that follow each other, as lines without newline. The middle one is tampered with. */
export interface Part {
  readonly lines: readonly string[];
  readonly next: readonly string[];
  /** A file from elsewhere in the same chain, and one of another chain. */
  readonly elsewhere: readonly string[];
  readonly foreign: readonly string[];
}

/** The file's new content, and that of the file behind it where that is changed as well. */
export interface Tampered {
  readonly what: string;
  readonly text: string;
  readonly next?: string;
  /** The first line that must be named is none before this one; 0 where it is the next file. */
  readonly firstLine: number;
}

const TRAILER = 75;
const whole = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join("");

export const tamperings: Readonly<Record<string, (part: Part, draw: Draw) => Tampered>> = {
  edit({ lines }, draw) {
    const at = record(lines, draw);
    const line = lines[at] ?? "";
    // Anywhere but in the hash: what stands there is the record.
    const place = draw(line.length - TRAILER);
    const digit = line.charCodeAt(place) === 120 ? "y" : "x";
    const changed = line.slice(0, place) + digit + line.slice(place + 1);
    return done("edit", replaced(lines, at, [changed]), at);
  },

  "edit of a hash"({ lines }, draw) {
    const at = record(lines, draw);
    const line = lines[at] ?? "";
    const place = line.length - 3 - draw(64);
    const digit = line[place] === "0" ? "1" : "0";
    return done(
      "edit of a hash",
      replaced(lines, at, [line.slice(0, place) + digit + line.slice(place + 1)]),
      at,
    );
  },

  "edit with its hash"({ lines }, draw) {
    const at = record(lines, draw);
    const before = hashOf(lines[at - 1] ?? "");
    const changed = rehashed(edited(lines[at] ?? ""), before);
    // The record fits; the first that does not is the one behind it.
    return done("edit with its hash", replaced(lines, at, [changed]), at);
  },

  remove({ lines }, draw) {
    const at = record(lines, draw);
    return done("remove", replaced(lines, at, []), at);
  },

  "remove several"({ lines }, draw) {
    const at = record(lines, draw);
    const count = 2 + draw(Math.max(1, lines.length - at - 3));
    return done("remove several", [...lines.slice(0, at), ...lines.slice(at + count)], at);
  },

  swap({ lines }, draw) {
    const at = record(lines, draw);
    let other = record(lines, draw);
    if (other === at) other = at === lines.length - 2 ? at - 1 : at + 1;
    const swapped = [...lines];
    [swapped[at], swapped[other]] = [lines[other] ?? "", lines[at] ?? ""];
    return done("swap", swapped, Math.min(at, other));
  },

  duplicate({ lines }, draw) {
    const at = record(lines, draw);
    const behind = at + 1 + draw(lines.length - at);
    return done("duplicate", [...lines.slice(0, behind), lines[at] ?? "", ...lines.slice(behind)], behind);
  },

  truncate({ lines }, draw) {
    const at = 1 + draw(lines.length - 1);
    return { ...done("truncate", lines.slice(0, at), at), firstLine: 0 };
  },

  "truncate in a line"({ lines }, draw) {
    const at = record(lines, draw);
    const text = whole(lines.slice(0, at)) + (lines[at] ?? "").slice(0, 1 + draw((lines[at] ?? "").length));
    return { what: "truncate in a line", text, firstLine: at + 1 };
  },

  "truncate to a checkpoint"({ lines }, draw) {
    const marks = lines.flatMap((line, i) =>
      line.includes('"type":"checkpoint"') && i < lines.length - 1 ? [i] : [],
    );
    const at = (marks[draw(marks.length)] ?? lines.length - 2) + 1;
    return { ...done("truncate to a checkpoint", lines.slice(0, at), at), firstLine: 0 };
  },

  "splice from another file"({ lines, elsewhere }, draw) {
    const at = record(lines, draw);
    const from = record(elsewhere, draw);
    const count = 1 + draw(20);
    return done("splice from another file", replaced(lines, at, elsewhere.slice(from, from + count)), at);
  },

  "splice from another chain"({ lines, foreign }, draw) {
    const at = Math.min(record(lines, draw), record(foreign, draw));
    // The same numbers, but other records.
    return done("splice from another chain", [...lines.slice(0, at), ...foreign.slice(at)], at);
  },

  "another chain's file"({ foreign }) {
    return done("another chain's file", [...foreign], 0);
  },

  insert({ lines }, draw) {
    const at = record(lines, draw);
    const forged = `{"seq":${sequenceOf(lines[at] ?? "")},"type":"request","time":"2026-01-01T00:00:00.000Z"}`;
    return done("insert", [...lines.slice(0, at), forged, ...lines.slice(at)], at);
  },

  "insert an empty line"({ lines }, draw) {
    const at = record(lines, draw);
    return done("insert an empty line", [...lines.slice(0, at), "", ...lines.slice(at)], at);
  },

  "spell otherwise"({ lines }, draw) {
    const at = record(lines, draw);
    // The same JSON for a parser.
    return done(
      "spell otherwise",
      replaced(lines, at, [(lines[at] ?? "").replace(',"type"', ', "type"')]),
      at,
    );
  },

  "re-chain without the key"({ lines, next }, draw) {
    const at = record(lines, draw);
    return rechained(
      "re-chain without the key",
      [...lines.slice(0, at), edited(lines[at] ?? ""), ...lines.slice(at + 1)],
      next,
      at,
    );
  },

  "remove and re-chain"({ lines, next }, draw) {
    const at = record(lines, draw);
    return rechained("remove and re-chain", replaced(lines, at, []), next, at);
  },

  "re-chain with another key"({ lines, next }, draw) {
    const at = record(lines, draw);
    const { privateKey } = generateKeyPairSync("ed25519");
    const changed = [...lines.slice(0, at), edited(lines[at] ?? ""), ...lines.slice(at + 1)];
    return rechained("re-chain with another key", changed, next, at, privateKey);
  },
};

/** Index of a line that is neither the first nor the last. */
function record(lines: readonly string[], draw: Draw): number {
  return 1 + draw(lines.length - 2);
}

function done(what: string, lines: readonly string[], at: number): Tampered {
  return { what, text: whole(lines), firstLine: at + 1 };
}

function replaced(lines: readonly string[], at: number, by: readonly string[]): string[] {
  return [...lines.slice(0, at), ...by, ...lines.slice(at + 1)];
}

function edited(line: string): string {
  const body = line.slice(0, -TRAILER);
  const changed = body.includes('"code":200')
    ? body.replace('"code":200', '"code":403')
    : body.replace('"time":"2', '"time":"3');
  return changed + line.slice(-TRAILER);
}

function hashOf(line: string): string {
  return line.slice(-66, -2);
}

function sequenceOf(line: string): number {
  return Number(/^\{"seq":(\d+)/.exec(line)?.[1]);
}

function rehashed(line: string, before: string): string {
  const body = line.slice(0, -TRAILER);
  return `${body},"hash":"${hash("sha256", before + body, "hex")}"}`;
}

/** Everything behind `from` made to follow again, numbers, checkpoints and the next file's header included. */
function rechained(
  what: string,
  lines: readonly string[],
  next: readonly string[],
  from: number,
  key?: KeyObject,
): Tampered {
  let before = hashOf(lines[from - 1] ?? "");
  let sequence = sequenceOf(lines[from - 1] ?? "");
  const follow = (line: string): string => {
    let body = line.slice(0, -TRAILER).replace(/^\{"seq":\d+/, `{"seq":${sequence + 1}`);
    const place = `{"seq":${sequence},"hash":"${before}"}`;
    body = body.replace(/"(last|previous)":\{[^}]*\}/, (_all, name) => `"${name}":${place}`);
    if (key !== undefined && body.includes('"type":"checkpoint"')) body = signed(body, sequence, before, key);
    const made = rehashed(body + line.slice(-TRAILER), before);
    before = hashOf(made);
    sequence++;
    return made;
  };
  const text = whole([...lines.slice(0, from), ...lines.slice(from).map(follow)]);
  return { what, text, next: whole(next.map(follow)), firstLine: from + 1 };
}

function signed(body: string, sequence: number, before: string, key: KeyObject): string {
  const { chain, time, reason } = JSON.parse(`${body}}`) as Record<string, string>;
  const text = `keswick-audit-checkpoint-v1\n${chain}\n${sequence}\n${before}\n${time}\n${reason}\n`;
  return body.replace(
    /"signature":"[^"]*"/,
    `"signature":"${sign(null, Buffer.from(text), key).toString("base64")}"`,
  );
}
