/** The headers of a request as they were sent. */

/**
 * Several headers of one name are one value, joined by a comma: what reads a header and what checks the signature see
 * the same text. Node's own `headers` drops repetitions of some names and joins others in another way.
 *
 * Values are as Node gives them, one character a byte.
 */
export class RequestHeaders {
  /** Lower-case name → value. */
  readonly record: Readonly<Record<string, string>>;

  /** @param raw - names and values in turn, as in `IncomingMessage.rawHeaders` */
  constructor(raw: readonly string[]) {
    const record: Record<string, string> = Object.create(null);
    for (let i = 0; i + 1 < raw.length; i += 2) {
      const name = (raw[i] ?? "").toLowerCase();
      const value = raw[i + 1] ?? "";
      const before = record[name];
      record[name] = before === undefined ? value : `${before},${value}`;
    }
    this.record = record;
  }

  /** @param name - in lower case */
  get(name: string): string | undefined {
    return this.record[name];
  }

  has(name: string): boolean {
    return this.record[name] !== undefined;
  }

  /** Lower-case names. */
  names(): string[] {
    return Object.keys(this.record);
  }
}
