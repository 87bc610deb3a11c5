/** The console: log in, look, log out. */
import { byId } from "./dom.js";
import { whenIdle } from "./idle.js";
import { hashOf, placeOf } from "./place.js";
import { ReportError, Session } from "./session.js";
import { bucketsSection, objectsSection, statusSection } from "./views.js";

/** @typedef {import("../report.js").StatusReport} StatusReport */
/** @typedef {import("./views.js").BucketsReport} BucketsReport */
/** @typedef {import("./views.js").ObjectsReport} ObjectsReport */

const TITLE = document.title;
const NO_CRYPTO =
  "Your browser offers no cryptography to pages that come over plain HTTP from another machine, and this page would " +
  "have to send your secret without it. Open it by https://, or on the server itself by http://127.0.0.1, for example " +
  "through 'ssh -L 9000:127.0.0.1:9000'.";

const form = byId("log-in", HTMLFormElement);
const notice = byId("notice", HTMLParagraphElement);
const account = byId("account", HTMLDivElement);
const view = byId("view", HTMLElement);

/** @type {Session | undefined} absent: logged out */
let session;
/** @type {AbortController | undefined} */
let loading;
/** @type {(() => void) | undefined} */
let unwatch;

/** @param {string} text empty hides it */
function notify(text) {
  notice.textContent = text;
  notice.hidden = text === "";
}

/** @param {unknown} error */
function failureText(error) {
  if (error instanceof ReportError) return `${error.code}: ${error.message}`;
  return `The server cannot be reached: ${error instanceof Error ? error.message : String(error)}`;
}

async function logIn() {
  const fields = new FormData(form);
  const accessKey = String(fields.get("access-key") ?? "").trim();
  const secret = String(fields.get("secret") ?? "");
  // Now, so that the secret does not stand in the page while the server thinks, or after it has failed.
  form.reset();
  const button = form.querySelector("button");
  if (button !== null) button.disabled = true;
  notify("");
  try {
    const opened = await Session.open(accessKey, secret, document.body.dataset.region ?? "");
    await opened.report("status");
    session = opened;
    unwatch = whenIdle(() => logOut("Logged out, since nothing was touched for 15 minutes."));
    byId("who", HTMLElement).textContent = accessKey;
    form.hidden = true;
    account.hidden = false;
    await show();
  } catch (error) {
    notify(loginFailure(error));
    const field = form.elements.namedItem("access-key");
    if (field instanceof HTMLInputElement) {
      field.value = accessKey;
      const second = form.elements.namedItem("secret");
      if (second instanceof HTMLInputElement) second.focus();
    }
  } finally {
    if (button !== null) button.disabled = false;
  }
}

/** @param {unknown} error */
function loginFailure(error) {
  switch (error instanceof ReportError ? error.code : "") {
    case "InvalidAccessKeyId":
    case "SignatureDoesNotMatch":
      return "Access key or secret is wrong.";
    case "AccessDenied":
      return "This access key is not the root's; the console is for the root alone.";
    default:
      return failureText(error);
  }
}

/** @param {string} why */
function logOut(why) {
  endSession();
  // Names of what was looked at do not stay behind in the address.
  history.replaceState(null, "", location.pathname);
  notify(why);
}

function endSession() {
  session?.close();
  session = undefined;
  loading?.abort();
  unwatch?.();
  view.replaceChildren();
  byId("who", HTMLElement).textContent = "";
  account.hidden = true;
  document.title = TITLE;
  form.hidden = false;
}

/** Shows what the address names. Whoever asks again before it is there gets the later one. */
async function show() {
  if (session === undefined) return;
  loading?.abort();
  const mine = new AbortController();
  loading = mine;
  const place = placeOf(location.hash);
  view.setAttribute("aria-busy", "true");
  notify("");
  try {
    const sections = await sectionsOf(session, place, mine.signal);
    if (mine.signal.aborted) return;
    view.replaceChildren(...sections);
    document.title = place.bucket === "" ? TITLE : `${place.bucket} – ${TITLE}`;
    view.focus({ preventScroll: true });
    scrollTo(0, 0);
  } catch (error) {
    if (!mine.signal.aborted) notify(failureText(error));
  } finally {
    if (loading === mine) view.setAttribute("aria-busy", "false");
  }
}

/**
 * @param {Session} opened
 * @param {import("./place.js").Place} place
 * @param {AbortSignal} signal
 */
async function sectionsOf(opened, place, signal) {
  const { bucket, folder, filter, after } = place;
  if (bucket === "") {
    const [status, buckets] = await Promise.all([
      opened.report("status", {}, signal),
      opened.report("buckets", { after }, signal),
    ]);
    return [
      statusSection(/** @type {StatusReport} */ (status)),
      bucketsSection(/** @type {BucketsReport} */ (buckets), place),
    ];
  }
  const query = { bucket, prefix: folder + filter, after };
  const objects = /** @type {ObjectsReport} */ (await opened.report("objects", query, signal));
  const filtered = (/** @type {string} */ text) => {
    location.hash = hashOf({ bucket, folder, filter: text });
  };
  return [objectsSection(objects, place, filtered)];
}

if (globalThis.crypto?.subtle === undefined) {
  notify(NO_CRYPTO);
} else {
  form.hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void logIn();
  });
  byId("log-out", HTMLButtonElement).addEventListener("click", () => logOut(""));
  addEventListener("hashchange", () => void show());
  // A page that the browser brings back from its cache would still be logged in.
  addEventListener("pagehide", endSession);
}
