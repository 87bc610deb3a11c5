/** What is being looked at, as it stands behind the `#` of the address, so that back and forward work. It is never sent. */

/**
 * @typedef {object} Place
 * @property {string} bucket empty: all buckets
 * @property {string} folder ends with a slash, or is empty
 * @property {string} filter what names below the folder begin with
 * @property {string} after where the page begins; empty for the first one
 */

/**
 * @param {string} hash
 * @returns {Place}
 */
export function placeOf(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ""));
  const field = (/** @type {string} */ name) => fields.get(name) ?? "";
  return { bucket: field("bucket"), folder: field("folder"), filter: field("filter"), after: field("after") };
}

/**
 * @param {Partial<Place>} place
 * @returns {string}
 */
export function hashOf(place) {
  const fields = Object.entries(place).filter(([, value]) => value !== "");
  return `#${new URLSearchParams(fields).toString()}`;
}
