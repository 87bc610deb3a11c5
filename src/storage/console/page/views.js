/** What the console shows: the state of storage and keys, buckets, and the objects of one. */
import { element } from "./dom.js";
import { nameShown } from "./names.js";
import { hashOf } from "./place.js";

/** @typedef {import("../report.js").StatusReport} StatusReport */
/** @typedef {import("../report.js").EncryptionReport} EncryptionReport */
/** @typedef {import("../report.js").PageReport<import("../report.js").BucketReport>} BucketsReport */
/** @typedef {import("../report.js").ObjectsReport} ObjectsReport */
/** @typedef {import("./place.js").Place} Place */
/** @typedef {readonly [label: string, kind: string, content: Node | string]} Cell */

/** @param {StatusReport} status */
export function statusSection({ isStorageOnline, keys }) {
  const list = element("dl");
  const entry = (/** @type {string} */ title, /** @type {(Node | string)[]} */ ...content) =>
    list.append(element("div", {}, element("dt", {}, title), element("dd", {}, ...content)));
  entry("Storage", isStorageOnline ? mark("ready", "Online") : mark("waiting", "Offline"));
  if (keys === undefined) {
    entry("Key service", mark("none", "None configured"));
    return section("Status", list);
  }
  entry("Key service", keys.name);
  entry("Default key", element("code", {}, nameShown(keys.defaultKey)));
  entry(
    keys.endpoints.length === 1 ? "Endpoint" : "Endpoints",
    ...keys.endpoints.map(({ endpoint, isOnline }) =>
      element(
        "div",
        {},
        element("code", {}, nameShown(endpoint)),
        " ",
        isOnline ? mark("ready", "Online") : mark("waiting", "Not reachable"),
      ),
    ),
  );
  return section("Status", list);
}

/**
 * @param {BucketsReport} report
 * @param {Place} place
 */
export function bucketsSection({ rows, next }, place) {
  if (rows.length === 0) return section("Buckets", emptyText("No bucket yet."));
  const labels = ["Name", "Created, UTC", "Default encryption", "Key"];
  const table = tableOf(
    labels,
    rows.map(({ name, createdMs, defaultEncryption }) => [
      ["Name", "name", link({ bucket: name }, name)],
      ["Created, UTC", "time", timeShown(createdMs)],
      ["By default", "", encryptionShown(defaultEncryption)],
      ["Key", "key", keyShown(defaultEncryption)],
    ]),
  );
  return section("Buckets", table, ...pager(place, next));
}

/**
 * @param {ObjectsReport} report
 * @param {Place} place
 * @param {(filter: string) => void} filtered
 */
export function objectsSection({ folders, rows, next }, place, filtered) {
  const { bucket, folder } = place;
  /** @type {Cell[][]} */
  const folderRows = folders.map((name) => [
    ["Name", "name", link({ bucket, folder: name }, name.slice(folder.length))],
    ["Size", "figure", ""],
    ["Modified, UTC", "time", ""],
    ["Encryption", "", ""],
    ["Key", "key", ""],
  ]);
  /** @type {Cell[][]} */
  const objectRows = rows.map(({ key, size, modifiedMs, encryption }) => [
    ["Name", "name", nameShown(key.slice(folder.length) || key)],
    ["Size", "figure", sizeShown(size)],
    ["Modified, UTC", "time", timeShown(modifiedMs)],
    ["Encryption", "", encryptionShown(encryption)],
    ["Key", "key", keyShown(encryption)],
  ]);
  const all = [...folderRows, ...objectRows];
  const isNarrowed = place.filter !== "" || place.after !== "";
  const content =
    all.length === 0
      ? emptyText(isNarrowed ? "Nothing here begins like that." : "Nothing here.")
      : tableOf(["Name", "Size", "Modified, UTC", "Encryption", "Key"], all);
  return section("Objects", trail(place), filterForm(place, filtered), content, ...pager(place, next));
}

/** @param {Place} place */
function trail({ bucket, folder }) {
  const steps = element(
    "nav",
    { "aria-label": "Path" },
    link({}, "Buckets"),
    stepSign(),
    link({ bucket }, bucket),
  );
  let path = "";
  for (const name of folder.split("/").slice(0, -1)) {
    path += `${name}/`;
    steps.append(stepSign(), link({ bucket, folder: path }, name === "" ? "(no name)" : name));
  }
  return steps;
}

function stepSign() {
  return element("span", { class: "step", "aria-hidden": "true" }, "›");
}

/**
 * @param {Place} place
 * @param {(filter: string) => void} filtered
 */
function filterForm({ filter }, filtered) {
  const label = "Names that begin with";
  const input = element("input", {
    "aria-label": label,
    placeholder: `${label} …`,
    maxlength: "1024",
    name: "filter",
  });
  input.spellcheck = false;
  input.value = filter;
  const form = element("form", { class: "filter", role: "search" }, input, element("button", {}, "Show"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    filtered(input.value);
  });
  return form;
}

/**
 * @param {Place} place
 * @param {string | undefined} next
 * @returns {Node[]}
 */
function pager(place, next) {
  const links = [
    ...(place.after === "" ? [] : [link({ ...place, after: "" }, "First page")]),
    ...(next === undefined ? [] : [link({ ...place, after: next }, "Next page")]),
  ];
  return links.length === 0 ? [] : [element("p", { class: "pages" }, ...links)];
}

/**
 * @param {readonly string[]} labels
 * @param {readonly (readonly Cell[])[]} rows
 */
function tableOf(labels, rows) {
  const head = labels.map((label) =>
    element("th", { scope: "col", role: "columnheader", class: label === "Size" ? "figure" : "" }, label),
  );
  const body = rows.map((cells) =>
    element(
      "tr",
      { role: "row" },
      ...cells.map(([label, kind, content]) =>
        element(
          "td",
          { class: kind, role: "cell", "data-label": label },
          ...(content === "" ? [] : [content]),
        ),
      ),
    ),
  );
  // Named, for a table that is laid out as blocks on a narrow screen is no table to screen readers otherwise.
  return element(
    "table",
    { role: "table" },
    element("thead", { role: "rowgroup" }, element("tr", { role: "row" }, ...head)),
    element("tbody", { role: "rowgroup" }, ...body),
  );
}

/** @param {EncryptionReport} encryption */
function encryptionShown({ kind, code }) {
  if (kind === "none") return mark("none", "Not encrypted");
  if (kind === "unknown") return mark("waiting", `Cannot be told: ${code ?? ""}`);
  return mark("ready", kind);
}

/** @param {EncryptionReport} encryption */
function keyShown({ kind, keyName }) {
  if (keyName !== undefined) return element("code", {}, nameShown(keyName));
  return kind === "SSE-C" ? element("span", { class: "soft" }, "the client's own") : "";
}

/** @param {number} ms */
function timeShown(ms) {
  // A back end that does not tell.
  if (ms === 0) return "";
  const iso = new Date(ms).toISOString();
  return element("time", { datetime: iso, title: "UTC" }, `${iso.slice(0, 10)} ${iso.slice(11, 19)}`);
}

/** @param {number} bytes */
function sizeShown(bytes) {
  const units = ["KiB", "MiB", "GiB", "TiB"];
  let size = bytes;
  let unit = "B";
  for (const larger of units) {
    if (size < 1024) break;
    size /= 1024;
    unit = larger;
  }
  const figure = unit === "B" || size >= 100 ? String(Math.round(size)) : size.toFixed(1);
  return element("span", { title: `${bytes} bytes` }, `${figure} ${unit}`);
}

/**
 * @param {Partial<Place>} place
 * @param {string} name
 */
function link(place, name) {
  return element("a", { href: hashOf(place) }, nameShown(name));
}

/**
 * @param {"ready" | "waiting" | "none"} kind
 * @param {string} text
 */
function mark(kind, text) {
  return element("span", { class: `mark ${kind}` }, text);
}

/** @param {string} text */
function emptyText(text) {
  return element("p", { class: "empty" }, text);
}

/**
 * @param {string} title
 * @param {...Node} content
 */
function section(title, ...content) {
  return element("section", { "aria-label": title }, element("h2", {}, title), ...content);
}
