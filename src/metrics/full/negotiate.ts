/** Which of the two forms a client wants, by its header `Accept`. */

/** Longest header that is looked at; Prometheus sends 200 bytes. */
const MAX_ACCEPT = 1024;

/** True when OpenMetrics is named, and the text form is not preferred to it. */
export function prefersOpenMetrics(accept: readonly string[]): boolean {
  const ranges = accept.join(",").slice(0, MAX_ACCEPT).split(",").map(rangeOf);
  const best = (fits: (type: string) => boolean): number =>
    Math.max(0, ...ranges.filter(({ type }) => fits(type)).map(({ quality }) => quality));
  const open = best((type) => type === "application/openmetrics-text");
  return open > 0 && open >= best((type) => type === "text/plain");
}

function rangeOf(text: string): { readonly type: string; readonly quality: number } {
  const [type = "", ...parameters] = text.split(";").map((part) => part.trim().toLowerCase());
  const version = parameters.find((one) => one.startsWith("version="))?.slice("version=".length);
  // Of a version that is not spoken here nothing is to be had.
  if (version !== undefined && type === "application/openmetrics-text" && !/^"?[01]\./.test(version)) {
    return { type, quality: 0 };
  }
  const quality = Number(parameters.find((one) => one.startsWith("q="))?.slice(2) ?? 1);
  return { type, quality: quality >= 0 && quality <= 1 ? quality : 0 };
}
