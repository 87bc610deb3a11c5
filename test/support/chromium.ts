/** A real browser for tests of pages: the machine's own Chromium, without a window. */
import type { Context } from "mocha";
import { type Browser, chromium, type Page } from "playwright-core";
import { requireService } from "./services/index.js";

/** On a machine that is busy a browser takes long to start. */
const TIMEOUT_MS = 90_000;

/**
 * Skips the suite, with a line that says so, where there is none.
 * @param names - host names that mean the loopback address
 */
export async function launchChromium(context: Context, names: readonly string[] = []): Promise<Browser> {
  const executablePath = requireService(context, "chromium");
  const rules = names.map((name) => `MAP ${name} 127.0.0.1`).join(",");
  // Chromium's own sandbox refuses to work for the superuser, as whom containers run.
  const sandbox = process.getuid?.() === 0 ? ["--no-sandbox"] : [];
  return chromium.launch({
    executablePath,
    args: [...sandbox, "--disable-dev-shm-usage", `--host-resolver-rules=${rules}`],
    timeout: TIMEOUT_MS,
  });
}

/** A page with storage of its own, and whatever its scripts and its content security policy complain about. */
export async function openPage(
  browser: Browser,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<{ page: Page; complaints: string[] }> {
  const page = await browser.newPage(options);
  page.setDefaultTimeout(TIMEOUT_MS);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  return { page, complaints };
}
