/**
 * Requests signed in the page by AWS Signature Version 4. The secret becomes a key of WebCrypto that signs and cannot be
 * read out again, not even by a script of this page; the text of it is not kept. Nothing is stored: what people put into
 * buckets is served under the same origin, and could read every store of the browser that the console used.
 */

const SERVICE = "s3";
const TERMINATOR = "aws4_request";
const ALGORITHM = "AWS4-HMAC-SHA256";
const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const TIMEOUT_MS = 60_000;

/** A failure that the server told: S3's code and its message. */
export class ReportError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   */
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

export class Session {
  /** @type {CryptoKey} */
  #key;
  #region;
  /** The server's clock minus this one's, milliseconds. */
  #skewMs = 0;
  #gone = new AbortController();

  /**
   * @param {string} accessKey
   * @param {CryptoKey} key
   * @param {string} region
   */
  constructor(accessKey, key, region) {
    this.accessKey = accessKey;
    this.#key = key;
    this.#region = region;
  }

  /**
   * @param {string} accessKey
   * @param {string} secret
   * @param {string} region
   */
  static async open(accessKey, secret, region) {
    const bytes = new TextEncoder().encode(`AWS4${secret}`);
    try {
      return new Session(accessKey, await hmacKey(bytes), region);
    } finally {
      bytes.fill(0);
    }
  }

  /** Requests under way are given up, and no other can be made. */
  close() {
    this.#gone.abort();
  }

  /**
   * @param {"status" | "buckets" | "objects"} name
   * @param {Readonly<Record<string, string>>} [query] empty values are left out
   * @param {AbortSignal} [signal]
   * @returns {Promise<unknown>}
   * @throws {ReportError} what the server says is wrong
   */
  async report(name, query = {}, signal) {
    try {
      return await this.#get(`/_keswick/api/${name}`, query, signal);
    } catch (error) {
      if (!(error instanceof ReportError) || error.code !== "RequestTimeTooSkewed" || this.#skewMs === 0) {
        throw error;
      }
      // The clock of this machine is wrong; that of the server is what counts, and is known now.
      return this.#get(`/_keswick/api/${name}`, query, signal);
    }
  }

  /**
   * @param {string} path
   * @param {Readonly<Record<string, string>>} query
   * @param {AbortSignal | undefined} signal
   */
  async #get(path, query, signal) {
    const canonicalQuery = Object.entries(query)
      .filter(([, value]) => value !== "")
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .sort()
      .join("&");
    const dateTime = new Date(Date.now() + this.#skewMs).toISOString().replace(/[-:]|\.\d+/g, "");
    const signals = [
      this.#gone.signal,
      AbortSignal.timeout(TIMEOUT_MS),
      ...(signal === undefined ? [] : [signal]),
    ];
    const response = await fetch(canonicalQuery === "" ? path : `${path}?${canonicalQuery}`, {
      headers: {
        "x-amz-content-sha256": EMPTY_SHA256,
        "x-amz-date": dateTime,
        authorization: await this.#authorization(path, canonicalQuery, dateTime),
      },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.any(signals),
    });
    const document = await jsonOf(response);
    if (response.ok) return document;
    const { code, message } = /** @type {{ code?: unknown, message?: unknown }} */ (document ?? {});
    const serverMs = Date.parse(response.headers.get("date") ?? "");
    if (code === "RequestTimeTooSkewed" && Number.isFinite(serverMs)) this.#skewMs = serverMs - Date.now();
    throw new ReportError(String(code ?? response.status), String(message ?? response.statusText));
  }

  /**
   * @param {string} path
   * @param {string} query
   * @param {string} dateTime
   */
  async #authorization(path, query, dateTime) {
    const names = "host;x-amz-content-sha256;x-amz-date";
    const canonical = [
      "GET",
      path,
      query,
      `host:${location.host}`,
      `x-amz-content-sha256:${EMPTY_SHA256}`,
      `x-amz-date:${dateTime}`,
      "",
      names,
      EMPTY_SHA256,
    ].join("\n");
    const date = dateTime.slice(0, 8);
    const scope = [date, this.#region, SERVICE, TERMINATOR].join("/");
    let key = this.#key;
    for (const step of [date, this.#region, SERVICE, TERMINATOR]) key = await hmacKey(await hmac(key, step));
    const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(canonical));
    const signature = await hmac(key, [ALGORITHM, dateTime, scope, hex(digest)].join("\n"));
    return `${ALGORITHM} Credential=${this.accessKey}/${scope}, SignedHeaders=${names}, Signature=${hex(signature)}`;
  }
}

/** @param {Response} response */
async function jsonOf(response) {
  try {
    return /** @type {unknown} */ (await response.json());
  } catch (cause) {
    // A proxy in between that answers in words of its own.
    if (response.ok) throw cause;
    return undefined;
  }
}

/** @param {BufferSource} bytes */
function hmacKey(bytes) {
  return crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
}

/**
 * @param {CryptoKey} key
 * @param {string} text
 */
function hmac(key, text) {
  return crypto.subtle.sign("HMAC", key, new TextEncoder().encode(text));
}

/** @param {ArrayBuffer} bytes */
function hex(bytes) {
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @param {string} text half a surrogate pair has no UTF-8 */
function encoded(text) {
  return encodeURIComponent(text.replace(/\p{Cs}/gu, "\ufffd")).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}
