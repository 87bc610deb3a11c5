/**
 * The console at `/_keswick/`: one document, its style sheet and scripts, and the reports that they ask for. Document and
 * scripts hold nothing of the store and are for anybody; every report needs the root's signature.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Request, type Response, Router } from "express";
import { answerReport, type ConsoleParts, type ReportName } from "./endpoint.js";
import { consoleHtml, contentSecurityPolicy } from "./html.js";
import { style } from "./style.js";

const BASE = "/_keswick/";
const REPORTS: readonly ReportName[] = ["status", "buckets", "objects"];
/** Modules of the page, in the folder `page`. */
const SCRIPTS = ["dom.js", "idle.js", "main.js", "names.js", "place.js", "session.js", "views.js"] as const;
const NONCE_BYTES = 18;
const DEFAULT_REGION = "us-east-1";

/** No other page may hold the window of this one, not even a stored one that is shown under the same origin. */
const ISOLATED = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
} as const;

export function consoleRouter(parts: ConsoleParts): Router {
  const router = Router({ strict: true, caseSensitive: true });
  const scripts = new Map<string, Promise<string>>();
  router.get(BASE.slice(0, -1), (request, response) => parts.end(request, response, 308, { location: BASE }));
  router.get(BASE, (request, response) => sendPage(parts, request, response));
  router.get(`${BASE}page/style.css`, (request, response) =>
    parts.end(request, response, 200, { ...ISOLATED, "content-type": "text/css; charset=utf-8" }, style),
  );
  for (const script of SCRIPTS) {
    router.get(`${BASE}page/${script}`, (request, response) =>
      parts.run(request, response, async () => {
        const headers = { ...ISOLATED, "content-type": "text/javascript; charset=utf-8" };
        parts.end(request, response, 200, headers, await scriptText(scripts, script));
      }),
    );
  }
  for (const name of REPORTS) {
    router.get(`${BASE}api/${name}`, (request, response) => answerReport(parts, name, request, response));
  }
  return router;
}

function sendPage({ options, end }: ConsoleParts, request: Request, response: Response): void {
  const nonce = options.random(NONCE_BYTES).toString("base64");
  const headers = {
    ...ISOLATED,
    "content-security-policy": contentSecurityPolicy(nonce),
    "content-type": "text/html; charset=utf-8",
  };
  end(request, response, 200, headers, consoleHtml(nonce, options.region ?? DEFAULT_REGION));
}

function scriptText(read: Map<string, Promise<string>>, name: string): Promise<string> {
  const text = read.get(name) ?? readFile(join(import.meta.dirname, "page", name), "utf8");
  read.set(name, text);
  // A shortage of file descriptors must not spoil the page for good.
  text.catch(() => read.delete(name));
  return text;
}
