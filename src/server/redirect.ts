/** The body of a 301, as Go's HTTP server writes it (KES reference §2.2). */
import type { ReplyHeaders } from "./exchange.js";

/** GET gets a link, HEAD the headers alone, other methods nothing. */
export function redirectPage(location: string, method: string): { headers: ReplyHeaders; body?: string } {
  const headers: ReplyHeaders = { "content-type": "text/html; charset=utf-8" };
  if (method === "HEAD") return { headers };
  if (method !== "GET") return { headers: {} };
  return { headers, body: `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n` };
}

/** Text made safe inside HTML and quoted attributes, with the references that Go writes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (c) => REFERENCES[c] ?? c);
}

const REFERENCES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&#34;",
  "'": "&#39;",
};
