/** Names that anybody may have chosen, so that they can neither hide nor pretend anything. */
import { element } from "./dom.js";

/** Longer names are cut, and shown whole on demand. A key may have 1,024 bytes. */
const MAX_SHOWN = 200;
/** Characters that are not seen, or that reorder what stands around them: controls, format and private characters, spaces but the usual one. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|(?! )\p{Zs}/u;
/** Zero-width joiners hold emoji together: 👩‍🚀. */
const JOINED = /^\p{Extended_Pictographic}[\ufe0f\p{Emoji_Modifier}]?$/u;
const ZWJ = "\u200d";

/**
 * The name as text; what is not seen shows as its number, for example U+202E.
 * @param {string} name
 * @returns {HTMLSpanElement}
 */
export function nameShown(name) {
  const characters = [...name];
  const shown = element("span", { class: "text", dir: "ltr" });
  if (characters.length <= MAX_SHOWN) {
    shown.append(...piecesOf(characters));
    return shown;
  }
  const more = element("button", { type: "button", class: "more" }, `all ${characters.length} characters`);
  more.addEventListener("click", () => shown.replaceChildren(...piecesOf(characters)));
  shown.append(...piecesOf(characters.slice(0, MAX_SHOWN)), "… ", more);
  return shown;
}

/**
 * @param {readonly string[]} characters
 * @returns {Node[]}
 */
function piecesOf(characters) {
  /** @type {Node[]} */
  const pieces = [];
  let text = "";
  const flush = () => {
    if (text !== "") pieces.push(isolated(text));
    text = "";
  };
  characters.forEach((character, i) => {
    if (!UNSEEN.test(character) || isJoiner(characters, i)) {
      text += character;
      return;
    }
    flush();
    pieces.push(element("span", { class: "sign" }, numberOf(character)));
  });
  flush();
  return pieces;
}

/**
 * Letters that run from right to left turn round nothing but themselves: what ends a name stands at its end.
 * @param {string} text
 */
function isolated(text) {
  return /^[\x20-\x7e]*$/.test(text) ? document.createTextNode(text) : element("bdi", { dir: "ltr" }, text);
}

/**
 * @param {readonly string[]} characters
 * @param {number} i
 */
function isJoiner(characters, i) {
  const before = characters[i - 1] ?? "";
  const base =
    before === "\ufe0f" || /^\p{Emoji_Modifier}$/u.test(before) ? (characters[i - 2] ?? "") : before;
  return characters[i] === ZWJ && JOINED.test(base) && JOINED.test(characters[i + 1] ?? "");
}

/** @param {string} character */
function numberOf(character) {
  return `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`;
}
