/** The CRC of two pieces put together, from their CRCs alone. */

/**
 * For CRCs whose register begins and ends inverted, as all of S3's do: crc(A B) = crc(A) · x^(8·|B|) + crc(B), modulo the
 * polynomial over GF(2). The CRC of nothing is 0.
 *
 * Powers of x are computed once for each size, since parts mostly have the same, of squares that are computed once.
 */
export class CrcCombiner {
  readonly #polynomial: bigint;
  readonly #one: bigint;
  readonly #powers = new Map<number, bigint>();
  /** x^(2^i) at i. */
  readonly #squares: bigint[];

  /**
   * @param polynomial - reflected: its highest bit is the coefficient of x^0
   * @param width - bits
   */
  constructor(polynomial: bigint, width: number) {
    this.#polynomial = polynomial;
    this.#one = 1n << BigInt(width - 1);
    this.#squares = [this.#one >> 1n];
  }

  /** @param bytes - size of the second piece */
  combine(first: bigint, second: bigint, bytes: number): bigint {
    return this.#multiply(first, this.#power(bytes)) ^ second;
  }

  /** x^(8·bytes) modulo the polynomial, by squaring. */
  #power(bytes: number): bigint {
    const known = this.#powers.get(bytes);
    if (known !== undefined) return known;
    let result = this.#one;
    let i = 0;
    for (let rest = BigInt(bytes) * 8n; rest > 0n; rest >>= 1n) {
      if (rest & 1n) result = this.#multiply(result, this.#square(i));
      i++;
    }
    this.#powers.set(bytes, result);
    return result;
  }

  /** x^(2^i). */
  #square(i: number): bigint {
    for (let last = this.#squares.length - 1; last < i; last++) {
      const square = this.#squares[last] ?? this.#one;
      this.#squares.push(this.#multiply(square, square));
    }
    return this.#squares[i] ?? this.#one;
  }

  /** Reflected: the highest bit of a value is its coefficient of x^0, and a shift to the right multiplies by x. */
  #multiply(a: bigint, b: bigint): bigint {
    let product = 0n;
    let shifted = b;
    for (let bit = this.#one; bit > 0n; bit >>= 1n) {
      if (a & bit) product ^= shifted;
      shifted = shifted & 1n ? (shifted >> 1n) ^ this.#polynomial : shifted >> 1n;
    }
    return product;
  }
}
