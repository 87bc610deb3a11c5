/** The console's one document. Whatever it shows of the store is put in by its scripts, as text. */
import { escapeText } from "../s3/xml-writer.js";

/**
 * Only files that carry the answer's own nonce are let in. `'self'` would not do for scripts: what people store is served
 * under the same origin, by addresses signed in advance for example.
 */
export function contentSecurityPolicy(nonce: string): string {
  return [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

/** @param region - what the page signs for */
export function consoleHtml(nonce: string, region: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>Keswick console</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="page/style.css" nonce="${nonce}">
<script type="module" src="page/main.js" nonce="${nonce}"></script>
</head>
<body data-region="${escapeText(region)}">
<header>
<div>
<h1>Keswick</h1>
<p class="tagline">Encrypted object storage</p>
</div>
<div id="account" hidden><span>Logged in as <code id="who"></code></span><button type="button" id="log-out">Log out</button></div>
</header>
<p id="notice" role="alert" hidden></p>
<main id="view" tabindex="-1" aria-busy="false"></main>
<form id="log-in" hidden>
<h2>Log in</h2>
<label>Access key <input name="access-key" autocomplete="username" autocapitalize="none" spellcheck="false" maxlength="128" required></label>
<label>Secret <input name="secret" type="password" autocomplete="current-password" maxlength="256" required></label>
<button type="submit">Log in</button>
<p class="soft">The root's access key. The secret signs requests inside this page; it is neither sent nor kept, so that
a reload logs you out. So do 15 minutes without a touch.</p>
</form>
<noscript><p class="plain">This page needs JavaScript: it signs its requests itself, so that the secret stays with you.</p></noscript>
</body>
</html>
`;
}
