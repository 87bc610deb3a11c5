import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { expect } from "chai";
import { openApiDocument } from "../../../src/api/openapi.js";
import { routes } from "../../../src/api/routes.js";
import { KesError } from "../../../src/errors.js";
import type { CanonicalPath } from "../../../src/policy/policy.js";
import { type PageReply, type PageState, Pages, type PagesOptions } from "../../../src/server/pages.js";

const BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8";
const COMMIT = "f3bb179cafe0123456789abcdef0123456789abc";

const at = (path: string): CanonicalPath => path as CanonicalPath;
const stateOf = (ready: PageState["services"]["keys"]["ready"]): PageState => ({
  services: { keys: { ready } },
});
const readyState = stateOf(async () => undefined);

function pagesWith(options: Partial<PagesOptions> = {}): Pages {
  return new Pages({ version: "1.2.3", commit: COMMIT, ...options });
}

async function get(pages: Pages, path: string, state = readyState, ...accept: string[]): Promise<PageReply> {
  const page = pages.serve("GET", at(path), state, accept);
  if (page === undefined) throw new Error(`no page at ${path}`);
  return page;
}

describe("Pages", () => {
  for (const path of [
    "/x",
    "/index.html",
    "/openapi",
    "/openapi.json/",
    "/OpenAPI.json",
    "/v1",
    "//",
    "/favicon.ico",
  ]) {
    it(`has no page at ${path}`, () => {
      expect(pagesWith().serve("GET", at(path), readyState)).to.equal(undefined);
    });
  }

  it("makes a page once, however many ask for it", async () => {
    const pages = pagesWith();
    const [first, ...others] = await Promise.all(
      Array.from({ length: 50 }, () => get(pages, "/openapi.json", readyState, "application/json")),
    );
    for (const other of others) expect(other).to.equal(first);
    // What nobody looks at makes no difference.
    expect(await get(pages, "/openapi.json", readyState, "text/html")).to.equal(first);
  });

  it("makes pages one a turn of the event loop when each is another", async () => {
    const pages = pagesWith();
    await get(pages, "/");
    let made = 0;
    const all = Array.from({ length: 20 }, (_, i) =>
      get(pages, "/", readyState, `text/html;q=0.${i}1`).then(() => made++),
    );
    let most = 0;
    for (let before = 0; made < all.length; before = made) {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, made - before);
    }
    await Promise.all(all);
    expect(most).to.be.at.most(2);
  });

  for (const path of ["/", "/openapi.json"]) {
    for (const method of ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "get"]) {
      it(`refuses ${method} ${path}`, () => {
        expect(() => pagesWith().serve(method, at(path), readyState))
          .to.throw(KesError, `received method '${method}' expected 'GET'`)
          .with.property("code", "METHOD_NOT_ALLOWED");
      });
    }

    it(`gives HEAD ${path} what GET gets, for the exchange to measure`, async () => {
      const pages = pagesWith();
      expect(await pages.serve("HEAD", at(path), readyState)).to.deep.equal(await get(pages, path));
    });

    it(`sends headers for a page that loads nothing and is kept by nobody at ${path}`, async () => {
      const { headers } = await get(pagesWith(), path, readyState, BROWSER);
      expect(headers).to.include({
        "cache-control": "no-store",
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
      });
      expect(headers).to.not.have.any.keys(
        "connection",
        "content-length",
        "date",
        "etag",
        "keep-alive",
        "strict-transport-security",
        "transfer-encoding",
        "x-powered-by",
      );
    });
  }

  describe("GET /", () => {
    const forms: readonly (readonly [accept: readonly string[], form: string])[] = [
      [[BROWSER], "text/html"],
      [["text/html"], "text/html"],
      [["application/xml;q=0.9", "text/html"], "text/html"],
      [["*/*"], "text/plain"],
      [[], "text/plain"],
      [["text/plain"], "text/plain"],
      [["text/html;q=0"], "text/plain"],
      [["image/png"], "text/plain"],
      [["\u0000;;,=/"], "text/plain"],
    ];
    for (const [accept, form] of forms) {
      it(`answers ${form} to Accept ${JSON.stringify(accept)}`, async () => {
        const { status, headers, body } = await get(pagesWith(), "/", readyState, ...accept);
        expect(status).to.equal(200);
        expect(headers["content-type"]).to.equal(`${form}; charset=utf-8`);
        expect(headers.vary).to.equal("Accept");
        expect(body?.startsWith("<!doctype html>")).to.equal(form === "text/html");
        expect(body).to.contain("1.2.3").and.contain(COMMIT.slice(0, 12)).and.contain("/openapi.json");
        expect(body)
          .to.contain("kes identity new --key")
          .and.contain("kes init")
          .and.contain("kes identity info --server")
          .and.contain("curl --cacert");
      });
    }

    it("lets in its own style sheet and nothing else", async () => {
      const { headers, body = "" } = await get(pagesWith(), "/", readyState, BROWSER);
      const style = /<style>([\s\S]*?)<\/style>/.exec(body)?.[1] ?? "";
      const hash = createHash("sha256").update(style).digest("base64");
      expect(headers["content-security-policy"]).to.equal(
        `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
      );
      expect(body).to.not.match(/<script|<img|<link|<iframe|<form|\sstyle=|\son\w+=|\ssrc=|url\(|@import/i);
      const links = [...body.matchAll(/href="([^"]*)"/g)].map((link) => link[1]);
      expect(links).to.deep.equal(["/openapi.json"]);
    });

    it("can be read by a screen reader and on a phone", async () => {
      const { body = "" } = await get(pagesWith(), "/", readyState, BROWSER);
      expect(body)
        .to.contain('<html lang="en">')
        .and.contain('content="width=device-width, initial-scale=1"');
      expect(body).to.match(/<title>[^<]+<\/title>/);
      expect(body.match(/<h1>/g)).to.have.length(1);
      const labels = [...body.matchAll(/aria-labelledby="([^"]+)"/g)].map((label) => label[1]);
      expect(labels).to.have.length(3);
      for (const label of labels) expect(body).to.contain(`<h2 id="${label}">`);
    });

    it("escapes what it is told of the build", async () => {
      const pages = pagesWith({ version: `<b>"'&`, commit: "<i>" });
      const { body } = await get(pages, "/", readyState, BROWSER);
      expect(body).to.contain("&lt;b&gt;&#34;&#39;&amp;").and.contain("&lt;i&gt;");
      expect(body).to.not.contain("<b>").and.not.contain("<i>");
    });

    it("fits a terminal of 80 columns", async () => {
      const { body = "" } = await get(pagesWith(), "/");
      for (const line of body.split("\n")) expect(line.length, line).to.be.below(80);
      expect(body.endsWith("lives where\n")).to.equal(true);
    });
  });

  describe("readiness", () => {
    const shown = async (pages: Pages, state: PageState): Promise<string> => {
      const text = (await get(pages, "/", state)).body ?? "";
      const html = (await get(pages, "/", state, BROWSER)).body ?? "";
      const words = [
        /^Status: (.*)$/m.exec(text)?.[1],
        /<dt>Status<\/dt><dd class="\w+">([^<]*)</.exec(html)?.[1],
      ];
      expect(words[0]).to.equal(words[1]?.toLowerCase());
      return words[0] ?? "";
    };

    it("is shown when keys can be served", async () => {
      expect(await shown(pagesWith(), readyState)).to.equal("ready");
    });

    for (const code of [
      "KEYSTORE_UNREACHABLE",
      "KEYSTORE_UNAVAILABLE",
      "KEYSTORE_TIMEOUT",
      "KEYSTORE_BUSY",
    ] as const) {
      it(`is denied after ${code}, without saying why`, async () => {
        const cause = new Error("open /var/keys: permission denied");
        const state = stateOf(() => Promise.reject(new KesError(code, [], { cause })));
        expect(await shown(pagesWith(), state)).to.equal("not ready");
        const { body } = await get(pagesWith(), "/", state, BROWSER);
        expect(body).to.not.contain("/var/keys").and.not.contain("key store");
      });
    }

    it("is denied, and the question withdrawn, when the keystore does not answer in time", async () => {
      let signal: AbortSignal | undefined;
      const state = stateOf((call) => {
        signal = call?.signal();
        return new Promise(() => {});
      });
      expect(await shown(pagesWith({ readyTimeoutMs: 5 }), state)).to.equal("not ready");
      expect(signal?.aborted).to.equal(true);
    });

    it("hides no unforeseen failure", async () => {
      const failure = new TypeError("a defect");
      const state = stateOf(() => Promise.reject(failure));
      const error = await get(pagesWith(), "/", state).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).to.equal(failure);
    });

    it("asks once for many requests, and again after a second", async () => {
      let now = 0;
      let asked = 0;
      const pages = pagesWith({ nowMs: () => now });
      let state = stateOf(async () => void asked++);
      await Promise.all(Array.from({ length: 50 }, () => get(pages, "/", state)));
      now = 999;
      await get(pages, "/", state);
      expect(asked).to.equal(1);
      now = 1000;
      await get(pages, "/", state);
      expect(asked).to.equal(2);
      // A reload: another key service, whose keystore may be down.
      state = stateOf(() => Promise.reject(new KesError("KEYSTORE_UNREACHABLE")));
      expect(await shown(pages, state)).to.equal("not ready");
    });

    it("is not asked for by /openapi.json", async () => {
      const state = stateOf(() => Promise.reject(new Error("asked")));
      expect((await get(pagesWith(), "/openapi.json", state)).status).to.equal(200);
    });
  });

  it("passes a failure of the page on to the pipeline, which logs it", async () => {
    const write = process.stderr.write;
    let written = "";
    process.stderr.write = (chunk) => {
      written += String(chunk);
      return true;
    };
    try {
      // No commit at all: the page's own code throws inside express.
      const page = get(
        new Pages({ version: "1.2.3", commit: undefined as unknown as string }),
        "/",
        readyState,
        BROWSER,
      );
      const error = await page.then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).to.be.instanceOf(TypeError);
    } finally {
      process.stderr.write = write;
    }
    expect(written).to.equal("");
  });

  it("loads express with the first page, not before", async function () {
    this.timeout(60_000);
    const script = `
      import { createRequire } from "node:module";
      import { Pages } from ${JSON.stringify(new URL("../../../src/server/pages.ts", import.meta.url).href)};
      const { cache } = createRequire(import.meta.url);
      const loaded = () => Object.keys(cache).some((file) => file.includes("/node_modules/express/"));
      const pages = new Pages({ version: "1", commit: "2" });
      const state = { services: { keys: { ready: async () => undefined } } };
      const before = [pages.serve("GET", "/x", state) === undefined, loaded()];
      await pages.serve("GET", "/", state, []);
      console.log(JSON.stringify([...before, loaded()]));
    `;
    const args = ["--import", "tsx", "--input-type=module", "--eval", script];
    const { stdout } = await promisify(execFile)(process.execPath, args, { timeout: 50_000 });
    expect(JSON.parse(stdout)).to.deep.equal([true, false, true]);
  });

  describe("GET /openapi.json", () => {
    it("is the document of the table of routes", async () => {
      const { headers, body = "" } = await get(pagesWith(), "/openapi.json");
      expect(headers["content-type"]).to.equal("application/json");
      expect(JSON.parse(body)).to.deep.equal(JSON.parse(JSON.stringify(openApiDocument(routes, "1.2.3"))));
    });
  });
});
