/** The page at `/` for browsers: one document, no script, nothing from elsewhere. */
import { createHash } from "node:crypto";
import { escapeHtml } from "../redirect.js";
import { documents, type LandingFacts, purpose, steps } from "./documents.js";
import { style } from "./style.js";

/** Only the page's own style sheet is let in, by its hash; nothing may frame the page or be loaded by it. */
export const contentSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export function landingHtml({ version, commit, isReady }: LandingFacts): string {
  const shortCommit = escapeHtml(commit.slice(0, 12));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Keswick key encryption service</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>Keswick</h1>
<p class="tagline">Key encryption service for object storage</p>
<dl>
<div><dt>Status</dt><dd class="${isReady ? "ready" : "waiting"}">${isReady ? "Ready" : "Not ready"}</dd></div>
<div><dt>Version</dt><dd>${escapeHtml(version)}</dd></div>
<div><dt>Commit</dt><dd><code>${shortCommit}</code></dd></div>
</dl>
</header>
<main>
<p>${escapeHtml(purpose)}</p>
<section aria-labelledby="certificate">
<h2 id="certificate">Get a client certificate</h2>
<ol>
${steps.map(stepHtml).join("\n")}
</ol>
</section>
<section aria-labelledby="api">
<h2 id="api">API</h2>
<p>Every route, its input, replies and errors: <a href="/openapi.json">openapi.json</a> (OpenAPI 3.1).</p>
</section>
<section aria-labelledby="documents">
<h2 id="documents">Documents</h2>
<dl class="documents">
${documents.map(([name, holds]) => `<div><dt><code>${escapeHtml(name)}</code></dt><dd>${escapeHtml(holds)}</dd></div>`).join("\n")}
</dl>
</section>
</main>
</body>
</html>
`;
}

function stepHtml([text, command]: (typeof steps)[number]): string {
  const shown = command === undefined ? "" : `\n<pre><code>${escapeHtml(command)}</code></pre>`;
  return `<li><p>${escapeHtml(text).replace(/`([^`]+)`/g, "<code>$1</code>")}</p>${shown}</li>`;
}
