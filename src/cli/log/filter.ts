/** Which events of the audit log are shown. */
import type { AuditEvent } from "../../client/types.js";
import { UsageError } from "../../errors.js";
import { compilePattern, MAX_PATTERN_LENGTH } from "../../policy/pattern.js";

export type EventFilter = (event: AuditEvent) => boolean;

/** Each list as given on the command line; an empty one lets everything through. */
export interface FilterOptions {
  /** Identities or the beginnings of some; `none` for callers without one. */
  readonly identity: readonly string[];
  /** Patterns in the language of policies: a `*` at the end makes the rest a prefix. */
  readonly path: readonly string[];
  /** `403`, `4xx`, or either behind `!`, or a number behind `<`, `<=`, `>`, `>=`. */
  readonly status: readonly string[];
}

/** An event passes when it fits one of each list that is given. @throws UsageError for what cannot be read */
export function eventFilter(options: FilterOptions): EventFilter {
  const identities = options.identity.map(identityTest);
  const paths = options.path.map(pathTest);
  const codes = statusTests(options.status);
  const fits = <T>(tests: readonly ((value: T) => boolean)[], value: T): boolean =>
    tests.length === 0 || tests.some((test) => test(value));
  return ({ request, response }) =>
    fits(identities, request.identity ?? "") && fits(paths, request.path) && codes(response.code);
}

function identityTest(text: string): (identity: string) => boolean {
  if (text === "none") return (identity) => identity === "";
  const prefix = text.toLowerCase();
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) {
    throw new UsageError(
      `invalid identity '${text}': neither the beginning of an identity (hexadecimal) nor 'none'`,
    );
  }
  return (identity) => identity.startsWith(prefix);
}

function pathTest(pattern: string): (path: string) => boolean {
  if (pattern.length > MAX_PATTERN_LENGTH) throw new UsageError("invalid path pattern: too long");
  if (pattern !== "*" && !pattern.startsWith("/")) {
    throw new UsageError(
      `invalid path pattern '${pattern}': it must begin with '/', as in '/v1/key/create/*'`,
    );
  }
  return compilePattern(pattern, "current").matches;
}

type CodeTest = (code: number) => boolean;

/** One of those without `!` must fit, and none of those with it. */
function statusTests(texts: readonly string[]): CodeTest {
  const wanted = texts.filter((text) => !text.startsWith("!")).map(statusTest);
  const unwanted = texts.filter((text) => text.startsWith("!")).map((text) => statusTest(text.slice(1)));
  return (code) =>
    (wanted.length === 0 || wanted.some((test) => test(code))) && !unwanted.some((test) => test(code));
}

function statusTest(text: string): CodeTest {
  const [, comparison = "", digits = ""] = /^(<=|>=|<|>)?([1-5](?:[0-9]{2}|[xX]{2}))$/.exec(text) ?? [];
  const isClass = /x/i.test(digits);
  if (digits === "" || (isClass && comparison !== "")) {
    throw new UsageError(
      `invalid status '${text}': use a code (403), a class (4xx) or a comparison ('>=400'), '!' in front for all others`,
    );
  }
  const number = Number(digits.slice(0, isClass ? 1 : 3));
  switch (comparison) {
    case "<":
      return (code) => code < number;
    case "<=":
      return (code) => code <= number;
    case ">":
      return (code) => code > number;
    case ">=":
      return (code) => code >= number;
    default:
      return isClass ? (code) => Math.floor(code / 100) === number : (code) => code === number;
  }
}
