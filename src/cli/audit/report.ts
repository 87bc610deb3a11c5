/** What `kes audit verify` found, for people and for programs. */
import type { Finding, Report, ToldNotice } from "../../audit/file/verify.js";
import type { Style } from "../style.js";
import { printable } from "../terminal/text.js";

/** `file:line: kind: message`, as compilers write it. */
export function findingText({ file, line, kind, message }: Finding, style: Style): string {
  const place = line === 0 ? file : `${file}:${line}`;
  return `${printable(place)}: ${style.red(kind)}: ${printable(message)}`;
}

/** Events that tell of a loss or of somebody's hand; the others belong to a server's life. */
const WORTH_A_LINE = new Set(["torn", "lost", "damaged", "deleted", "moved", "clock", "removed", "skipped"]);

function noticeText({ file, line, event, details }: ToldNotice, style: Style): string {
  const told = Object.entries(details).map(([name, value]) => `${name} ${String(value)}`);
  return `${printable(`${file}:${line}`)}: ${style.yellow(`told by the server: ${printable(event)}`)}: ${printable(told.join(", "))}`;
}

/** Everything that a person should read, findings first. */
export function reportText(report: Report, style: Style): string {
  const { findings, findingCount, notices, files, lines, lastCheckpoint, unsigned, head, closed } = report;
  const texts = findings.map((finding) => findingText(finding, style));
  if (findingCount > findings.length) texts.push(`and ${findingCount - findings.length} more findings`);
  for (const notice of notices) if (WORTH_A_LINE.has(notice.event)) texts.push(noticeText(notice, style));
  const checkpoints = counted(report.checkpoints, "checkpoint");
  texts.push(`Records     ${lines} in ${counted(files.length, "file")}, ${checkpoints}`);
  const first = files[0];
  if (first !== undefined)
    texts.push(`Begins      record ${first.first}${first.first > 1 ? ": older files were not given" : ""}`);
  if (lastCheckpoint === undefined) texts.push(`Signed      nothing: there is no good checkpoint`);
  else {
    const { checkpoint, file, line } = lastCheckpoint;
    const by = report.signaturesChecked ? "good" : "not checked: give the public key with --key";
    texts.push(
      `Signed      up to record ${checkpoint.last.sequence + 1}, ${checkpoint.time} (${printable(file)}:${line})`,
      `Signature   ${by}`,
    );
  }
  const end = closed ? "in good order" : "none: the server was writing, was killed, or lines were cut off";
  texts.push(`Unsigned    ${counted(unsigned, "record")} behind that`, `End         ${end}`);
  if (head !== undefined) texts.push(`Head        ${head.sequence}:${head.hash}`);
  texts.push(`Verdict     ${verdictText(report, style)}`);
  return texts.map((line) => `${line}\n`).join("");
}

function verdictText(report: Report, style: Style): string {
  if (report.findingCount > 0) return style.red(counted(report.findingCount, "finding"));
  return report.signaturesChecked && !isSigned(report)
    ? style.yellow("whole, but nothing is signed")
    : style.green("whole");
}

/** A key was given and has signed at least the beginning. */
function isSigned({ signaturesChecked, lastCheckpoint }: Report): boolean {
  return signaturesChecked && lastCheckpoint !== undefined;
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}

/** The same as plain data. */
export function reportJson(report: Report): object {
  const { findings, findingCount, notices, head, lastCheckpoint, chain, files, lines, bytes } = report;
  const link = (one: { sequence: number; hash: string }) => ({ seq: one.sequence, hash: one.hash });
  return {
    ok: findingCount === 0,
    // Whole is one thing, whose it is another.
    proved_by_signature: findingCount === 0 && isSigned(report),
    findings: findings.map(({ file, line, sequence, kind, message }) => ({
      file,
      line,
      seq: sequence,
      kind,
      message,
    })),
    finding_count: findingCount,
    notices: notices.map(({ file, line, event, details }) => ({ file, line, event, ...details })),
    chain,
    files,
    records: lines,
    bytes,
    checkpoints: report.checkpoints,
    signatures_checked: report.signaturesChecked,
    head: head === undefined ? undefined : link(head),
    signed:
      lastCheckpoint === undefined
        ? undefined
        : {
            file: lastCheckpoint.file,
            line: lastCheckpoint.line,
            time: lastCheckpoint.checkpoint.time,
            key: lastCheckpoint.checkpoint.key,
            ...link(lastCheckpoint.checkpoint.last),
          },
    unsigned: report.unsigned,
    closed: report.closed,
  };
}
