/** A position in the decoded configuration, able to say where it stands in the file. */
import type { Faults, Place } from "./faults.js";

/** What is known of one value: its place, its path for people, and the variable that it came from. */
export interface Placed {
  readonly place: Place;
  /** Place of the key that the value stands under; absent for items of lists. */
  readonly keyPlace?: Place;
  readonly path: string;
  /** Name of the environment variable that holds the value. Its content is not told in messages. */
  readonly variable?: string;
  /** The file has the key, but nothing under it. */
  readonly absent?: boolean;
}

/** Values by JSON pointer (RFC 6901): `/policy/minio/allow/0`. */
export type Placements = ReadonlyMap<string, Placed>;

/** `pointer` one step deeper. */
export function pointerTo(pointer: string, key: string | number): string {
  return `${pointer}/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}

/** `path` one step deeper, for people: `policy.minio.allow[0]`. */
export function pathTo(path: string, key: string | number): string {
  if (typeof key === "number") return `${path}[${key}]`;
  return path === "" ? key : `${path}.${key}`;
}

/** Reports faults of a section at the place of the value they are about. */
export class Scope {
  readonly #faults: Faults;
  readonly #placements: Placements;
  readonly #refused: ReadonlySet<string>;
  readonly #pointer: string;

  /** @param refused - pointers of values that have a fault already */
  constructor(faults: Faults, placements: Placements, refused: ReadonlySet<string>, pointer = "") {
    this.#faults = faults;
    this.#placements = placements;
    this.#refused = refused;
    this.#pointer = pointer;
  }

  at(...keys: readonly (string | number)[]): Scope {
    const pointer = keys.reduce<string>(pointerTo, this.#pointer);
    return new Scope(this.#faults, this.#placements, this.#refused, pointer);
  }

  /** The nearest value around this one that stands in the file. */
  get placed(): Placed {
    for (let pointer = this.#pointer; ; pointer = pointer.slice(0, pointer.lastIndexOf("/"))) {
      const placed = this.#placements.get(pointer);
      if (placed !== undefined) return placed;
      if (pointer === "") throw new RangeError("config: the root of the file has no place");
    }
  }

  /** Path for people, also of a value that the file does not have. */
  get path(): string {
    const steps: string[] = [];
    for (let pointer = this.#pointer; ; pointer = pointer.slice(0, pointer.lastIndexOf("/"))) {
      const placed = this.#placements.get(pointer);
      if (placed !== undefined || pointer === "") return steps.reduce<string>(pathTo, placed?.path ?? "");
      const step = pointer.slice(pointer.lastIndexOf("/") + 1);
      steps.unshift(step.replaceAll("~1", "/").replaceAll("~0", "~"));
    }
  }

  /** True when the file gives this very value. */
  get written(): boolean {
    const placed = this.#placements.get(this.#pointer);
    return placed !== undefined && placed.absent !== true;
  }

  get faults(): Faults {
    return this.#faults;
  }

  /** False when this value, or one below, was refused: what it holds proves nothing then. */
  get ok(): boolean {
    const below = `${this.#pointer}/`;
    return ![...this.#refused].some((one) => one === this.#pointer || one.startsWith(below));
  }

  error(message: string, rule?: string): void {
    this.#faults.error(this.placed.place, this.path, message, rule);
  }

  /** An error of the key rather than of what stands under it. */
  errorOfKey(message: string): void {
    const { place, keyPlace } = this.placed;
    this.#faults.error(keyPlace ?? place, this.path, message);
  }

  warn(message: string, rule?: string): void {
    this.#faults.warn(this.placed.place, this.path, message, rule);
  }

  warnOfKey(message: string): void {
    const { place, keyPlace } = this.placed;
    this.#faults.warn(keyPlace ?? place, this.path, message);
  }

  /** `text` for a message, or the reference that it came from: variables hold secrets. */
  shown(text: string): string {
    const { variable } = this.placed;
    return variable === undefined ? text : `\${${variable}}`;
  }
}
