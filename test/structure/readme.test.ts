/** What the documents say is held against the sources. The marks on code blocks and tables: CONTRIBUTING.md. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { expect } from "chai";
import { keystores } from "../../keystores/registry.js";
import type { Route } from "../../src/api/route.js";
import { removedPaths, routes } from "../../src/api/routes.js";
import { type CommandTable, commands } from "../../src/cli/commands.js";
import { quickstart } from "../../src/cli/quickstart.js";
import { parseAccessKeys } from "../../src/cli/s3/access-key-file.js";
import { s3Commands } from "../../src/cli/s3/commands.js";
import { readConfig } from "../../src/cli/server/config-source.js";
import type { Config } from "../../src/config/config.js";
import { configSchema } from "../../src/config/root-schema.js";
import { isRecord, viewSchema } from "../../src/config/schema-view.js";
import { errorCatalogue, formatFault } from "../../src/errors.js";
import { readTarget } from "../../src/server/canonical-path.js";
import { RouteTable } from "../../src/server/route-table.js";
import { type CodeBlock, type MarkdownFile, markdownFiles } from "../support/markdown.js";
import { commandsOf } from "../support/shell-words.js";

const root = resolve(import.meta.dirname, "../..");
const files = markdownFiles();
const text = (path: string): string => readFileSync(join(root, path), "utf8");
const packageJson: { name: string; version: string; scripts: Record<string, string> } = JSON.parse(
  text("package.json"),
);

/** Every kind of code block, and the check that it gets; see CONTRIBUTING.md. */
const kinds: Readonly<Record<string, (block: CodeBlock) => void | Promise<void>>> = {
  sh: checkShell,
  // Run by test/e2e/readme.test.ts as well.
  "sh run": checkShell,
  // Run, and used as files there, by test/e2e/migration-guide.test.ts.
  "sh walk": checkShell,
  "yaml walk": async ({ text }) => noWarnings(await loadConfigBlock(text, variablesIn(text))),
  "yaml config": async ({ text }) => noWarnings(await loadConfigBlock(text)),
  "yaml policy": async ({ text }) => noWarnings(await loadPolicyBlock(text)),
  json: ({ text }) => void JSON.parse(text),
  // Run by test/e2e/sdk-examples.test.ts.
  "js example": ({ text }) => void expect([...examples.values()]).to.include(text),
  "yaml access-keys": async ({ text: block }) => {
    expect(parseAccessKeys(block, "keys.yml", "root")).not.to.be.empty;
  },
  text: () => undefined,
  mermaid: () => undefined,
};

/** Programs that documents show whole, by their file. */
const examples = new Map(
  readdirSync(join(root, "docs/examples")).map((name) => [name, text(`docs/examples/${name}`)]),
);

describe("the documents", () => {
  it("show every example", () => {
    const shown = files.flatMap(({ blocks }) => blocks.map((block) => block.text));
    expect(
      [...examples].filter(([, program]) => !shown.includes(program)).map(([name]) => name),
    ).to.deep.equal([]);
  });

  it("are there", () => {
    const names = files.map(({ file }) => file);
    expect(names).to.include.members([
      ...["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"],
      ...["docs/architecture.md", "docs/differences.md"],
    ]);
    for (const file of ["LICENSE", "NOTICE"]) expect(existsSync(join(root, file)), file).to.equal(true);
    expect(text("CHANGELOG.md")).to.match(/^## \[Unreleased\]$|^## \[0\.1\.0\]/m);
  });

  for (const markdown of files) {
    describe(markdown.file, () => {
      it("links to what is there", () => {
        expect(markdown.links.filter((link) => !leadsSomewhere(link, markdown))).to.deep.equal([]);
      });

      it("names files, scripts and options that are there", () => {
        expect(markdown.spans.filter((span) => !isThere(span, markdown.file))).to.deep.equal([]);
      });

      for (const block of markdown.blocks) {
        it(`holds at line ${block.line}: ${block.info || "no kind"}`, async () => {
          const check = Object.hasOwn(kinds, block.info) ? kinds[block.info] : undefined;
          if (check === undefined) {
            throw new Error(`the kind of a code block is one of: ${Object.keys(kinds).join(", ")}`);
          }
          await check(block);
        });
      }
    });
  }
});

describe("the tables of README.md", () => {
  const readme = files.find(({ file }) => file === "README.md");
  const table = (name: string): readonly (readonly string[])[] => {
    const rows = readme?.tables.get(name);
    if (rows === undefined) throw new Error(`README.md has no table '${name}'`);
    return rows;
  };

  it("list the routes with their limits, in the order of the route table", () => {
    const rows = table("routes").map(([route = "", , bytes, seconds]) => [unticked(route), bytes, seconds]);
    expect(rows).to.deep.equal(routes.map(routeRow));
  });

  it("name the members of every route's body and reply", () => {
    const wrong = table("routes").flatMap(([route = "", members = ""]) => {
      const found = routes.find((one) => routeRow(one)[0] === unticked(route));
      return found === undefined ? [] : wrongMembers(found, members);
    });
    expect(wrong).to.deep.equal([]);
  });

  it("list every error with its status and message, in the order of the catalogue", () => {
    const rows = table("errors").map(([status, message = ""]) => [Number(status), unticked(message)]);
    // The SDK's own have no status.
    const sent = Object.values(errorCatalogue).filter(([status]) => status > 0);
    expect(rows).to.deep.equal(sent.map((row) => [...row]));
    for (const [, message, remedy] of table("errors")) expect(remedy, message).to.match(/\w/);
  });

  it("list every command once", () => {
    const named = table("commands").flatMap(([cell = ""]) => cell.split(", ").map(unticked));
    expect(named.sort()).to.deep.equal(
      Object.keys(commands)
        .map((name) => `kes ${name}`)
        .sort(),
    );
  });

  it("list every policy document and every keystore", () => {
    const named = (name: string): string[] =>
      table(name).map(([cell = ""]) => /`([^`]+)`/.exec(cell)?.[1] ?? cell);
    expect(named("policies").sort()).to.deep.equal(
      readdirSync(join(root, "policies"))
        .map((name) => `policies/${name}`)
        .sort(),
    );
    expect(named("keystores")).to.deep.equal(Object.keys(keystores));
  });
});

describe("the quick start of README.md", () => {
  it("is exactly two commands, of which one runs the server and one the tests", () => {
    const readme = text("README.md");
    const section = /^## Quick start$([\s\S]*?)^## /m.exec(readme)?.[1] ?? "";
    const blocks = [...section.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block]) => block);
    expect(blocks).to.deep.equal(["npm ci && npm start\n", "npm ci && npm test\n"]);
    expect(packageJson.scripts).to.include.keys("start", "test");
  });

  it("exports the variables that the server prints", () => {
    const paths = { serverCert: "", adminKey: "", adminCert: "", clientKey: "", clientCert: "" };
    const names = (script: string): string[] => script.match(/MINIO_KMS_KES_\w+(?==)/g) ?? [];
    const shown = /^export MINIO_KMS[\s\S]*?(?=^```)/m.exec(text("README.md"))?.[0] ?? "";
    expect(names(shown)).to.deep.equal(names(quickstart(paths, { host: "127.0.0.1", port: 7373 })));
  });
});

/** `GET /v1/key/list/PREFIX`, largest body, time limit, as README.md writes them. */
function routeRow({ method, path, argument, maxBodyBytes, timeoutMs }: Route): string[] {
  const placeholders = {
    none: "",
    pattern: "PREFIX",
    identity: "IDENTITY",
    "key-name": "NAME",
    "policy-name": "NAME",
  };
  const seconds = timeoutMs === 0 ? "none" : String(timeoutMs / 1000);
  return [`${method} ${path}${placeholders[argument]}`, String(maxBodyBytes), seconds];
}

/** Members that the cell `body → reply` names and the route does not have, and members of the body it leaves out. */
function wrongMembers(route: Route, cell: string): string[] {
  const [body = "", reply = ""] = cell.replace(/\([^()]*\)/g, "").split("→");
  const named = (part: string): string[] => [...part.matchAll(/`([a-z_]+)`/g)].map(([, name = ""]) => name);
  const has = { body: membersOf(route.body?.schema), reply: membersOf(route.doc.reply) };
  const unknown = [
    ...named(body).filter((name) => !has.body.includes(name)),
    ...named(reply).filter((name) => !has.reply.includes(name)),
  ];
  const left = has.body.filter((name) => !named(body).includes(name));
  return [...unknown, ...left].map((name) => `${route.path}: ${name}`);
}

function membersOf(schema: unknown): string[] {
  if (!isRecord(schema)) return [];
  // What else may stand in the place of an item is told in the text.
  if (Array.isArray(schema.anyOf)) return membersOf(schema.anyOf[0]);
  return isRecord(schema.properties) ? Object.keys(schema.properties) : membersOf(schema.items);
}

function unticked(cell: string): string {
  return cell.replace(/^`|`$/g, "");
}

function leadsSomewhere(link: string, from: MarkdownFile): boolean {
  if (/^[a-z]+:/.test(link)) return link.startsWith("https://");
  const [path = "", anchor] = link.split("#");
  const target = path === "" ? join(root, from.file) : resolve(root, dirname(from.file), path);
  if (!target.startsWith(root) || !existsSync(target)) return false;
  if (anchor === undefined) return true;
  return files.find(({ file }) => join(root, file) === target)?.anchors.has(anchor) === true;
}

/** Folders whose files documents name by their path. */
const OURS = /^(?:src|test|keystores|policies|docs|bench)\/[\w./-]*$/;
/** Documents that also tell of options of other programs. */
const TELLS_OF_OTHERS = new Set([
  "docs/differences.md",
  "CHANGELOG.md",
  "docs/conformance.md",
  "docs/cli.md",
]);

function isThere(span: string, file: string): boolean {
  const script = /^npm run ([\w:-]+)/.exec(span)?.[1];
  if (script !== undefined) return Object.hasOwn(packageJson.scripts, script);
  if (OURS.test(span)) return existsSync(join(root, span));
  const option = /^(?:admin|tls|policy|api|cache|log|keys)(?:\[\]|\.)[\w.<>[\]]+$/.exec(span)?.[0];
  // `admin.key` is a file of `kes init`.
  const isFile = /\.(?:key|crt)$/.test(span);
  return option === undefined || isFile || TELLS_OF_OTHERS.has(file) || isOption(option);
}

/** True for `cache.expiry.any`, `policy.<name>.file`, `keys[].name`. */
function isOption(path: string): boolean {
  let schema: unknown = configSchema;
  for (const key of path.replaceAll("[]", ".[]").split(".")) {
    const { properties, additional, items }: ReturnType<typeof viewSchema> = viewSchema(schema);
    schema = key === "[]" ? items : (properties.get(key) ?? additional);
    if (schema === undefined) return false;
  }
  return true;
}

/** Programs that the documents may use besides those that are checked. */
const PROGRAMS = new Set([
  "cmp",
  "grep",
  "echo",
  "jq",
  "sudo",
  "openssl",
  "vault",
  "printf",
  "base64",
  "tar",
  "umask",
  "kill",
  "cat",
  "rm",
  "export",
  "echo",
  "jq",
  "grep",
  "api",
]);

async function checkShell({ text }: CodeBlock): Promise<void> {
  for (const [program = "", ...args] of commandsOf(text)) {
    if (program === "npm") checkNpm(args);
    else if (program === "kes") await checkKes(args);
    else if (program === "kes-s3") await checkKes(args, s3Commands, program);
    else if (program !== "curl") expect(PROGRAMS.has(program), program).to.equal(true);
    if (program === "curl" || program === "api") checkUrls(args);
  }
}

function checkNpm(args: readonly string[]): void {
  const [command = "", ...rest] = args;
  if (command === "run") expect(packageJson.scripts).to.include.keys(rest[0] ?? "");
  else if (command === "start" || command === "test") expect(packageJson.scripts).to.include.keys(command);
  else expect(["ci", "pack", "install"]).to.include(command);
  for (const tarball of rest.filter((word) => word.endsWith(".tgz"))) {
    expect(tarball).to.equal(`./${packageJson.name}-${packageJson.version}.tgz`);
  }
}

async function checkKes(
  args: readonly string[],
  table: CommandTable = commands,
  program = "kes",
): Promise<void> {
  const starts = (one: string): boolean => one === args.slice(0, one.split(" ").length).join(" ");
  const [name] = Object.keys(table)
    .filter(starts)
    .sort((a, b) => b.length - a.length);
  const entry = name === undefined ? undefined : table[name];
  if (entry === undefined) {
    // Of the program itself, which are no commands: --help, --version, --auto-completion.
    if (/^(?:--[a-z-]+|-[hv])$/.test(args[0] ?? "")) return;
    throw new Error(`there is no command '${program} ${args.join(" ")}'`);
  }
  const { options } = (await entry.load()).info;
  const known = new Set(["--help", "-h"]);
  for (const [long, { short }] of Object.entries(options)) known.add(`--${long}`).add(`-${short ?? ""}`);
  for (const flag of args.filter((arg) => /^--?[a-z]/.test(arg))) {
    expect(known.has(flag.split("=")[0] ?? ""), `${program} ${name} ${flag}`).to.equal(true);
  }
}

const routeTable = new RouteTable(routes, removedPaths);

/** A request that a document shows must reach a route, with the route's method. */
function checkUrls(args: readonly string[]): void {
  const given = args.indexOf("-X") + 1;
  const method = given > 0 ? args[given] : args.includes("--data") ? "POST" : "GET";
  for (const url of args.filter((arg) => arg.startsWith("https://127.0.0.1:7373/"))) {
    const target = readTarget(url.slice("https://127.0.0.1:7373".length));
    const match = target.kind === "path" ? routeTable.find(target.path, target.raw) : undefined;
    if (match?.kind !== "route") throw new Error(`${url} is no route`);
    const accepted = match.route.method === "PUT" ? ["PUT", "POST"] : [match.route.method];
    expect(accepted, url).to.include(method);
  }
}

/** What a configuration needs; a document shows only what it is about. */
const BASE: Readonly<Record<string, string>> = {
  admin: "{ identity: disabled }",
  tls: "{ key: server.key, cert: server.crt }",
  keystore: "{ fs: { path: keys } }",
};

/** A value for every environment variable that a block refers to. */
function variablesIn(block: string): Record<string, string> {
  return Object.fromEntries([...block.matchAll(/\$\{(\w+)\}/g)].map(([, name = ""]) => [name, "value"]));
}

function loadConfigBlock(block: string, env: Record<string, string> = {}): Promise<Config> {
  const given = new Set([...block.matchAll(/^(\w+):/gm)].map(([, key]) => key));
  const missing = Object.entries(BASE).filter(([key]) => !given.has(key));
  return load(block + missing.map(([key, value]) => `${key}: ${value}\n`).join(""), "", env);
}

function loadPolicyBlock(block: string): Promise<Config> {
  return load(
    `policy: { shown: { file: ./policy.yml } }\n${Object.entries(BASE)
      .map(([key, value]) => `${key}: ${value}\n`)
      .join("")}`,
    block,
  );
}

async function load(config: string, policy = "", env: Record<string, string> = {}): Promise<Config> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-readme-"));
  try {
    const file = join(folder, "kes-config.yml");
    await writeFile(file, config);
    await writeFile(join(folder, "policy.yml"), policy);
    return await readConfig(file, env, keystores);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function noWarnings({ warnings }: Config): void {
  expect(warnings.map(formatFault)).to.deep.equal([]);
}
