/** YAML text → tree with places (KES configuration reference §1). Bounded in depth and in what aliases expand to. */
import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  type Scalar,
  visit,
  type YAMLMap,
} from "yaml";
import type { Faults, Place } from "./faults.js";
import type { Entry, ListNode, MapNode, ScalarNode, TreeNode } from "./tree.js";

/** Levels of mappings and lists; a configuration needs about eight. */
const MAX_DEPTH = 32;
/** The parser's own stack holds up to two entries for a level, and some of its own. */
const MAX_PARSER_STACK = 2 * MAX_DEPTH + 8;
/** Nodes after aliases have been expanded: a bomb of nested aliases grows exponentially. */
const MAX_NODES = 100_000;
/** One slip often causes many syntax errors; the first ones are what helps. */
const MAX_SYNTAX_ERRORS = 5;

/**
 * The first document of `text`, or undefined with the reason in `faults`.
 * @param file - name for the places; nothing is read
 */
export function parseYaml(text: string, file: string, faults: Faults): TreeNode | undefined {
  const lines = new LineCounter();
  const at = (offset: number): Place => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const document = firstDocument(text, lines);
    if (document !== undefined && document.errors.length > 0) {
      for (const error of document.errors.slice(0, MAX_SYNTAX_ERRORS)) {
        const message = syntaxMessage(error.code, error.message, text.slice(error.pos[0] - 1));
        faults.error(at(error.pos[0]), "", `invalid YAML: ${message}`);
      }
      return undefined;
    }
    if (!isNode(document?.contents)) {
      faults.error({ file }, "", "EOF: the file is empty or holds only comments");
      return undefined;
    }
    return new TreeBuilder(document, at, faults).build(document.contents);
  } catch (error) {
    if (!(error instanceof YamlLimitError)) throw error;
    faults.error(error.offset === undefined ? { file } : at(error.offset), "", error.message);
    return undefined;
  }
}

/** A bound was passed; `offset` is where, if known. */
class YamlLimitError extends Error {
  readonly offset: number | undefined;
  constructor(message: string, offset?: number) {
    super(message);
    this.offset = offset;
  }
}

function firstDocument(text: string, lines: LineCounter): Document | undefined {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  // The lexer feeds the parser token by token, so that depth is known before the recursive composer sees it:
  // the composer would overflow the stack on 100,000 brackets and take the process with it.
  function* tokens(): Generator<Parameters<Composer["next"]>[0], void> {
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme);
      if (parser.stack.length > MAX_PARSER_STACK) {
        throw new YamlLimitError(`nested more than ${MAX_DEPTH} levels deep`, parser.offset);
      }
    }
    yield* parser.end();
  }
  // "failsafe" keeps every scalar as text; the schema of the configuration decides what it means. Duplicate
  // keys are found below: the composer compares every pair of keys.
  const composer = new Composer({
    schema: "failsafe",
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: "silent",
  });
  for (const document of composer.compose(tokens())) return document;
  return undefined;
}

const REMEDIES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "; indent with blanks",
  BAD_INDENT: "; check the indentation of this line and of the one before",
  BLOCK_AS_IMPLICIT_KEY: "; put quotes around a value that contains ': '",
  MISSING_CHAR: "; is a quote or bracket left open?",
};

/** @param rest - the text from one character before the error on */
function syntaxMessage(code: string, message: string, rest: string): string {
  if (rest.startsWith("${")) return `${message}; within [ ] and { } write "\${NAME}" in quotes`;
  return message + (REMEDIES[code] ?? "");
}

const STRING_TAGS: ReadonlySet<string> = new Set(["!", "tag:yaml.org,2002:str"]);
const OTHER_TAGS: ReadonlySet<string> = new Set(["tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"]);

class TreeBuilder {
  readonly #targets: ReadonlyMap<Alias, Node>;
  readonly #at: (offset: number) => Place;
  readonly #faults: Faults;
  readonly #open = new Set<Node>();
  #nodes = 0;

  constructor(document: Document, at: (offset: number) => Place, faults: Faults) {
    this.#at = at;
    this.#faults = faults;
    this.#targets = aliasTargets(document);
  }

  build(node: Node): TreeNode {
    const place = this.#placeOf(node);
    this.#nodes += 1;
    if (this.#nodes > MAX_NODES) {
      throw new YamlLimitError(
        `more than ${MAX_NODES} values after its aliases are expanded`,
        offsetOf(node),
      );
    }
    if (this.#open.size > MAX_DEPTH) {
      throw new YamlLimitError(`nested more than ${MAX_DEPTH} levels deep`, offsetOf(node));
    }
    if (isAlias(node)) return this.#expand(node, place);
    if (isScalar(node)) return this.#scalar(node, place);
    // An anchor inside its own content would expand forever.
    this.#open.add(node);
    const built = isMap(node) ? this.#map(node, place) : this.#list(node, place);
    this.#open.delete(node);
    return built;
  }

  #expand(alias: Alias, place: Place): TreeNode {
    const target = this.#targets.get(alias);
    if (target === undefined || this.#open.has(target)) {
      const reason = target === undefined ? "has no anchor before it" : "refers to a value that contains it";
      this.#faults.error(place, "", `alias '*${alias.source}' ${reason}`);
      return nothing(place);
    }
    return this.build(target);
  }

  #scalar(node: Scalar, place: Place): ScalarNode {
    if (node.tag !== undefined && !STRING_TAGS.has(node.tag)) this.#refuseTag(node.tag, place);
    const plain = node.type === "PLAIN" && node.tag === undefined;
    return { kind: "scalar", text: typeof node.value === "string" ? node.value : "", plain, place };
  }

  #list(node: Node, place: Place): ListNode {
    if (!isSeq(node)) throw new TypeError("yaml: a node is neither scalar, alias, mapping nor list");
    this.#checkTag(node, place);
    return { kind: "list", items: node.items.filter(isNode).map((item) => this.build(item)), place };
  }

  #map(node: YAMLMap, place: Place): MapNode {
    this.#checkTag(node, place);
    const entries = new Map<string, Entry>();
    const merged: TreeNode[] = [];
    for (const pair of node.items) {
      const key = isNode(pair.key) ? this.build(pair.key) : nothing(place);
      const value = isNode(pair.value) ? this.build(pair.value) : nothing(key.place);
      if (key.kind !== "scalar" || (key.text === "" && key.plain)) {
        this.#faults.error(key.place, "", "a key must be a single, non-empty text");
      } else if (key.text === "<<" && key.plain) {
        merged.push(...(value.kind === "list" ? value.items : [value]));
      } else {
        const first = entries.get(key.text);
        if (first === undefined) entries.set(key.text, { keyPlace: key.place, node: value });
        else this.#refuseDuplicate(key, first);
      }
    }
    for (const source of merged) this.#merge(entries, source);
    return { kind: "map", entries, place };
  }

  /** Keys of the mapping itself win over merged ones, and earlier merged ones over later. */
  #merge(entries: Map<string, Entry>, source: TreeNode): void {
    if (source.kind !== "map") {
      this.#faults.error(source.place, "", "'<<' merges mappings only");
      return;
    }
    for (const [key, entry] of source.entries) if (!entries.has(key)) entries.set(key, entry);
  }

  #refuseDuplicate(key: ScalarNode, first: Entry): void {
    const { line } = first.keyPlace;
    this.#faults.error(key.place, "", `mapping key "${key.text}" already defined at line ${line}`);
  }

  #checkTag(node: Node, place: Place): void {
    if (node.tag !== undefined && !OTHER_TAGS.has(node.tag)) this.#refuseTag(node.tag, place);
  }

  #refuseTag(tag: string, place: Place): void {
    const shown = tag.replace("tag:yaml.org,2002:", "!!");
    this.#faults.error(place, "", `tag '${shown}' is not supported; remove it`);
  }

  #placeOf(node: Node): Place {
    return this.#at(offsetOf(node) ?? 0);
  }
}

/** In document order, since an anchor may be redefined: an alias means the last one before it. */
function aliasTargets(document: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node(_key, node) {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function offsetOf(node: Node): number | undefined {
  return node.range?.[0];
}

function nothing(place: Place): ScalarNode {
  return { kind: "scalar", text: "", plain: true, place };
}
