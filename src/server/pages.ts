/**
 * What a person or a tool finds here besides the key API: a small page at `/` and the API's description at
 * `/openapi.json`. Express answers them; it is loaded with the first page, and no other path ever reaches it.
 */
import { openApiDocument } from "../api/openapi.js";
import { routes } from "../api/routes.js";
import { KesError } from "../errors.js";
import type { CanonicalPath } from "../policy/policy.js";
import type { ReplyHeaders } from "./exchange.js";
import type { PageApp, PageRequest } from "./pages/app.js";
import { Readiness } from "./pages/readiness.js";
import type { ServerState } from "./state.js";

export interface PagesOptions {
  readonly version: string;
  readonly commit: string;
  /** Monotonic clock in milliseconds. */
  readonly nowMs?: () => number;
  /** Longest wait for the keystore before the page says "not ready". */
  readonly readyTimeoutMs?: number;
}

/** An answer as the pipeline sends it; for `HEAD` it leaves out the body and keeps the length. */
export interface PageReply {
  readonly status: number;
  readonly headers: ReplyHeaders;
  readonly body?: string;
}

/** What of the state pages read: whether keys can be served, and nothing else. */
export type PageState = {
  readonly services: { readonly keys: Pick<ServerState["services"]["keys"], "ready"> };
};

const PATHS: ReadonlySet<string> = new Set(["/", "/openapi.json"]);
const READY_TIMEOUT_MS = 2_000;

/** Pages that are kept, and the length of what they depend on: a client may accept anything. */
const MAX_MADE = 32;
const MAX_KEY = 512;

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

export class Pages {
  readonly #options: PagesOptions;
  readonly #readiness: Readiness;
  #app: Promise<PageApp> | undefined;
  /** Pages that were asked for, by all that they depend on. */
  readonly #made = new Map<string, Promise<PageReply>>();
  /** The page that is made. */
  #making: Promise<unknown> = Promise.resolve();

  constructor(options: PagesOptions) {
    this.#options = options;
    this.#readiness = new Readiness({
      nowMs: options.nowMs ?? (() => performance.now()),
      timeoutMs: options.readyTimeoutMs ?? READY_TIMEOUT_MS,
    });
  }

  /**
   * The page at `path`, or undefined for every path that is none.
   * @param accept - values of the request's `Accept` header: who does not name HTML gets plain text
   * @throws KesError `METHOD_NOT_ALLOWED`
   */
  serve(
    method: string,
    path: CanonicalPath,
    state: PageState,
    accept: readonly string[] = [],
  ): Promise<PageReply> | undefined {
    if (!PATHS.has(path)) return undefined;
    if (method !== "GET" && method !== "HEAD") throw new KesError("METHOD_NOT_ALLOWED", [method, "GET"]);
    return this.#answer(path, state, accept);
  }

  async #answer(path: string, state: PageState, accept: readonly string[]): Promise<PageReply> {
    const [app, isReady] = await Promise.all([
      this.#load(),
      path === "/" ? this.#readiness.of(state.services.keys) : false,
    ]);
    return this.#page(app, { path, accept: path === "/" ? accept.join(",") : "", isReady });
  }

  /** A page costs a thousand times as much as to ask for it, and nobody needs a right for that: it is made once. */
  #page(app: PageApp, page: PageRequest): Promise<PageReply> {
    const key = `${page.path} ${page.isReady} ${page.accept}`;
    const made = this.#made.get(key);
    if (made !== undefined) return made;
    const reply = this.#making.then(() => app.get(page));
    // One in a turn of the event loop, however many have been thought of.
    this.#making = reply.then(nextTurn, nextTurn);
    if (key.length > MAX_KEY) return reply;
    for (const [oldest] of this.#made) {
      if (this.#made.size < MAX_MADE) break;
      this.#made.delete(oldest);
    }
    this.#made.set(key, reply);
    reply.catch(() => this.#made.delete(key));
    return reply;
  }

  #load(): Promise<PageApp> {
    this.#app ??= this.#make().catch((error: unknown) => {
      // A start under a shortage of file descriptors must not spoil every later page.
      this.#app = undefined;
      throw error;
    });
    return this.#app;
  }

  async #make(): Promise<PageApp> {
    const { PageApp } = await import("./pages/app.js");
    const { version, commit } = this.#options;
    return new PageApp({ version, commit, openApi: `${JSON.stringify(openApiDocument(routes, version))}\n` });
  }
}
