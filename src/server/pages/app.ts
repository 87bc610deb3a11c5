/** The express application behind the pages, and the bridge to it that HTTP/1.1 and HTTP/2 share. */
import type { IncomingMessage } from "node:http";
import express, { type Express, type NextFunction, type Request, type Response } from "express";
import inject from "light-my-request";
import type { ReplyHeaders } from "../exchange.js";
import type { PageReply } from "../pages.js";
import { contentSecurityPolicy, landingHtml } from "./html.js";
import { landingText } from "./text.js";

/** What a page shows that does not change while the server runs. */
export interface PageAppOptions {
  readonly version: string;
  readonly commit: string;
  /** Body of `/openapi.json`. */
  readonly openApi: string;
}

export interface PageRequest {
  readonly path: string;
  /** The `Accept` header, empty when none was sent. */
  readonly accept: string;
  readonly isReady: boolean;
}

/** Page headers whose value is no secret of express: what a page may load, and that nobody keeps it. */
const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": contentSecurityPolicy,
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
} as const;

/** Written by the exchange, which knows the connection, and not by the page. */
const OF_THE_CONNECTION: ReadonlySet<string> = new Set([
  "connection",
  "content-length",
  "date",
  "keep-alive",
  "transfer-encoding",
]);

export class PageApp {
  readonly #app: Express;
  /** Facts of the requests under way, by express's request object. */
  readonly #requests = new WeakMap<IncomingMessage, PageRequest>();

  constructor(options: PageAppOptions) {
    this.#app = this.#build(options);
  }

  /** The answer to `GET`, which is that to `HEAD` too: what sends it leaves out the body. */
  async get(page: PageRequest): Promise<PageReply> {
    const answer = await inject(
      (request, response) => {
        this.#requests.set(request, page);
        this.#app(pinned(request), pinned(response));
      },
      { method: "GET", url: page.path, headers: page.accept === "" ? {} : { accept: page.accept } },
    );
    const headers: ReplyHeaders = {};
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value === undefined || OF_THE_CONNECTION.has(name)) continue;
      headers[name] = Array.isArray(value) ? value.join(", ") : value;
    }
    return { status: answer.statusCode, headers, body: answer.payload };
  }

  #build({ version, commit, openApi }: PageAppOptions): Express {
    const app = express();
    // Express reads NODE_ENV otherwise, and outside production its error pages show stack traces.
    app.set("env", "production");
    app.enable("strict routing");
    app.enable("case sensitive routing");
    app.disable("x-powered-by");
    app.disable("etag");

    app.use((_request, response, next) => {
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
      next();
    });
    app.get("/", (request, response) => {
      const facts = { version, commit, isReady: this.#requests.get(request)?.isReady === true };
      // The first form is for those who accept anything, as curl does; a browser asks for HTML.
      response.format({
        "text/plain": () => response.send(landingText(facts)),
        "text/html": () => response.send(landingHtml(facts)),
        default: () => response.type("text/plain").send(landingText(facts)),
      });
    });
    app.get("/openapi.json", (_request, response) => {
      response.setHeader("content-type", "application/json");
      response.end(openApi);
    });
    // Ends the injected answer with the error itself, so that the pipeline reports it like any other; express
    // would write it to the console and answer in its own words.
    app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
      response.destroy(error);
    });
    return app;
  }
}

/**
 * `target` with the methods of its class as its own. Express puts its prototypes in the place of those of every
 * request and response, and light-my-request collects the answer by methods of its prototype. (Handed the
 * application itself, it changes express's prototypes instead, for all applications in the process.)
 */
function pinned<T extends object>(target: T): T {
  const { constructor: _, ...methods } = Object.getOwnPropertyDescriptors(Object.getPrototypeOf(target));
  return Object.defineProperties(target, methods);
}
