/** Environment variables under their several names, and what is wrong with them. */
import { ConfigError, type ConfigFault } from "../../errors.js";

/** As `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that is set, by the name under which it was found. */
export interface Variable {
  readonly name: string;
  readonly value: string;
}

/** Looks variables up, and gathers faults so that all are told at once. No value is ever quoted. */
export class Variables {
  readonly #environment: Environment;
  readonly #faults: ConfigFault[] = [];
  readonly notes: string[] = [];

  constructor(environment: Environment) {
    this.#environment = environment;
  }

  /** The first of `names` that exists, even when it is empty. */
  first(...names: readonly string[]): Variable | undefined {
    return this.#all(names)[0];
  }

  /** The same, but it is a fault when two exist and differ. */
  only(...names: readonly string[]): Variable | undefined {
    const [found, ...others] = this.#all(names);
    const other = others.find(({ value }) => value !== found?.value);
    if (found !== undefined && other !== undefined) {
      this.fault(found.name, `differs from ${other.name}, which means the same: set only one of them`);
    }
    return found;
  }

  /** The same, without those that are empty. */
  firstFilled(...names: readonly string[]): Variable | undefined {
    return this.#all(names).find(({ value }) => value !== "");
  }

  fault(name: string, message: string): void {
    this.#faults.push({ file: "environment", path: name, message });
  }

  /** @throws ConfigError with every fault so far */
  throwFaults(): void {
    if (this.#faults.length > 0) throw new ConfigError(this.#faults);
  }

  #all(names: readonly string[]): Variable[] {
    return names.flatMap((name) => {
      const value = Object.hasOwn(this.#environment, name) ? this.#environment[name] : undefined;
      return value === undefined ? [] : [{ name, value }];
    });
  }
}
