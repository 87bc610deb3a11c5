/** Sizes as configurations write them: `100MiB`, `64KB`, `4096`. */

const BYTES: Readonly<Record<string, number>> = {
  "": 1,
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
  tib: 1024 ** 4,
};

/** `text` in bytes, or undefined for what is no size. */
export function parseSize(text: string): number | undefined {
  const [, digits, unit = ""] = /^(\d{1,15})\s*([A-Za-z]{0,3})$/.exec(text.trim()) ?? [];
  const scale = Object.hasOwn(BYTES, unit.toLowerCase()) ? BYTES[unit.toLowerCase()] : undefined;
  if (digits === undefined || scale === undefined) return undefined;
  const bytes = Number(digits) * scale;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
