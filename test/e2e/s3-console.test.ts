/** The console at `/_keswick/`, in a real browser and on the wire. */
import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Browser, Page, Request } from "playwright-core";
import { secureRandom } from "../../src/crypto/random.js";
import { GatewayObjects } from "../../src/storage/gateway/gateway-objects.js";
import type { KeyServiceStatus } from "../../src/storage/keys/key-service.js";
import { StaticKeyService } from "../../src/storage/keys/static-key.js";
import { LocalObjects } from "../../src/storage/local/local-objects.js";
import type { ReadRequest, ReadResult } from "../../src/storage/objects/object-service.js";
import { sseError } from "../../src/storage/sse/errors.js";
import { builtCli } from "../support/built-cli.js";
import { launchChromium, openPage } from "../support/chromium.js";
import { MemoryStore } from "../support/memory-store.js";
import { Minio } from "../support/minio.js";
import { type S3Login, signedHead } from "../support/s3-client.js";
import { PROCESS_ROOT, startS3Process } from "../support/s3-process.js";
import { KEY_NAME, ROOT, type S3TestServer, startS3Server } from "../support/s3-server.js";
import { requireService } from "../support/services/index.js";

const PAGE = "/_keswick/";
const PAGE_ROWS = 50;
const OBJECTS = 120;
const ROWS_TIMEOUT_MS = 60_000;
const ROWS_POLL_MS = 25;
/** Resolves to the loopback address in the browser, which does not know that and takes it for any other machine. */
const ELSEWHERE = "storage.example";
const reader: S3Login = { user: "reader", password: "reader-secret" };
const HOSTILE = {
  markup: "<img src=x onerror=\"globalThis.hit='markup'\">",
  script: "</script><script>globalThis.hit='script'</script>",
  template: "{{constructor.constructor('globalThis.hit=1')()}}",
  controls: "a\u0007b\nc\u001b[31md",
  bidi: "invoice\u202egpj.exe",
  unseen: "a\u200bb\u00a0c\ufeffd",
  right: "مرحبا.txt",
  emoji: "👩‍🚀 launch",
  quotes: 'it\'s "quoted" & 100% #1 + ?',
  long: "long-name-".repeat(100),
} as const;

function encryptionDocument(algorithm: string, keyId?: string): string {
  const key = keyId === undefined ? "" : `<KMSMasterKeyID>${keyId}</KMSMasterKeyID>`;
  return `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>${algorithm}</SSEAlgorithm>${key}</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>`;
}

/** Of SSE-C, with a key of its own. */
function customerHeaders(): Record<string, string> {
  const key = randomBytes(32);
  return {
    "x-amz-server-side-encryption-customer-algorithm": "AES256",
    "x-amz-server-side-encryption-customer-key": key.toString("base64"),
    "x-amz-server-side-encryption-customer-key-md5": createHash("md5").update(key).digest("base64"),
  };
}

async function put(
  server: S3TestServer,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  body: string | Uint8Array = path.lastIndexOf("/") === 0 ? "" : "hello",
): Promise<void> {
  const { status, text } = await server.ask("PUT", path, { headers, body });
  expect(status, text).to.equal(200);
}

async function logIn(page: Page, login: S3Login): Promise<void> {
  await page.getByLabel("Access key").fill(login.user);
  await page.getByLabel("Secret").fill(login.password);
  await page.getByRole("button", { name: "Log in" }).click();
}

/** The text of every cell of the table, row by row, once there are `count` rows. */
async function rows(page: Page, count: number): Promise<string[][]> {
  const deadline = performance.now() + ROWS_TIMEOUT_MS;
  const found = page.locator("tbody tr");
  for (;;) {
    const cells = await page.locator("tbody td").allTextContents();
    const columns = await page.locator("thead th").count();
    if (columns > 0 && cells.length === count * columns) {
      return Array.from({ length: count }, (_, i) => cells.slice(i * columns, (i + 1) * columns));
    }
    if (performance.now() > deadline) throw new Error(`${await found.count()} rows, not ${count}`);
    await page.waitForTimeout(ROWS_POLL_MS);
  }
}

describe("the console's reports", () => {
  let server: S3TestServer;

  before(async () => {
    server = await startS3Server({
      accessKeys: [{ accessKey: reader.user, secret: reader.password, rights: { canWrite: false } }],
    });
    await put(server, "/bucket");
    await put(server, "/bucket/a/b");
    await put(server, "/bucket/c", { "x-amz-server-side-encryption": "aws:kms" });
  });
  after(() => server.stop());

  const paths = ["status", "buckets", "objects?bucket=bucket"].map((name) => `${PAGE}api/${name}`);
  for (const path of paths) {
    it(`refuses everybody but the root: ${path}`, async () => {
      const wrong = { user: ROOT.user, password: "wrong-secret" };
      const refused: [S3Login | "anonymous", string][] = [
        ["anonymous", "AccessDenied"],
        [reader, "AccessDenied"],
        [{ user: "nobody", password: "some-secret" }, "InvalidAccessKeyId"],
        [wrong, "SignatureDoesNotMatch"],
      ];
      for (const [login, code] of refused) {
        const reply = await server.ask("GET", path, { login });
        expect(reply.status, code).to.equal(403);
        expect(JSON.parse(reply.text)).to.include({ code });
        expect(reply.headers["content-type"]).to.equal("application/json");
      }
      expect((await server.ask("GET", path)).status).to.equal(200);
    });
  }

  it("tells what there is, and nothing stays in caches", async () => {
    const reply = await server.ask("GET", `${PAGE}api/objects?bucket=bucket`);
    expect(reply.headers["cache-control"]).to.equal("no-store");
    const report = JSON.parse(reply.text);
    expect(report.folders).to.deep.equal(["a/"]);
    expect(report.rows).to.have.length(1);
    expect(report.rows[0]).to.include({ key: "c", size: 5 });
    expect(report.rows[0].encryption).to.deep.equal({ kind: "SSE-KMS", keyName: KEY_NAME });
  });

  it("pages through buckets", async () => {
    const other = await startS3Server();
    try {
      const names = Array.from({ length: PAGE_ROWS + 2 }, (_, i) => `bucket-${String(i).padStart(2, "0")}`);
      for (const name of names) await put(other, `/${name}`);
      const first = JSON.parse((await other.ask("GET", `${PAGE}api/buckets`)).text);
      const second = JSON.parse((await other.ask("GET", `${PAGE}api/buckets?after=${first.next}`)).text);
      expect(second.next).to.equal(undefined);
      const shown = [...first.rows, ...second.rows].map(({ name }: { name: string }) => name);
      expect([shown, first.rows.length]).to.deep.equal([names, PAGE_ROWS]);
    } finally {
      await other.stop();
    }
  });

  it("shows the others beside what cannot be looked at", async () => {
    class Fragile extends LocalObjects {
      override head(request: ReadRequest): Promise<ReadResult> {
        return request.path.object === "b"
          ? Promise.reject(sseError("KMS_UNAVAILABLE"))
          : super.head(request);
      }
    }
    const other = await startS3Server({
      service: ({ keys }) =>
        new Fragile({
          store: new MemoryStore(),
          keys,
          random: secureRandom,
          now: Date.now,
          autoEncryption: false,
        }),
    });
    try {
      await put(other, "/bucket");
      for (const key of ["a", "b", "c"]) await put(other, `/bucket/${key}`);
      const { rows: shown } = JSON.parse((await other.ask("GET", `${PAGE}api/objects?bucket=bucket`)).text);
      const code = sseError("KMS_UNAVAILABLE").code;
      const told = shown.map(({ encryption }: { encryption: unknown }) => encryption);
      expect(told).to.deep.equal([{ kind: "none" }, { kind: "unknown", code }, { kind: "none" }]);
    } finally {
      await other.stop();
    }
  });

  it("tells of a gateway's objects what it tells of those in a folder", async function () {
    this.timeout(120_000);
    const tools = { minio: requireService(this, "minio"), mc: requireService(this, "mc") };
    const folder = await mkdtemp(join(tmpdir(), "keswick-console-"));
    const backEnd = await Minio.start({ folder, tools, kms: {} });
    const { url: endpoint, user, password } = backEnd.endpoint;
    const gateway = await startS3Server({
      tls: true,
      service: ({ keys }) =>
        new GatewayObjects({
          backEnd: { endpoint, credentials: { accessKeyId: user, secretAccessKey: password } },
          ...{ keys, random: secureRandom, now: Date.now },
        }),
    });
    try {
      await put(gateway, "/bucket");
      await put(gateway, "/bucket/c", customerHeaders());
      await put(gateway, "/bucket/kms", { "x-amz-server-side-encryption": "aws:kms" });
      await put(gateway, "/bucket/plain");
      await put(gateway, "/bucket/s3", { "x-amz-server-side-encryption": "AES256" });
      const { rows: shown } = JSON.parse((await gateway.ask("GET", `${PAGE}api/objects?bucket=bucket`)).text);
      expect(
        shown.map(({ key, size, encryption }: Record<string, unknown>) => [key, size, encryption]),
      ).to.deep.equal([
        ["c", 5, { kind: "SSE-C" }],
        ["kms", 5, { kind: "SSE-KMS", keyName: KEY_NAME }],
        ["plain", 5, { kind: "none" }],
        ["s3", 5, { kind: "SSE-S3", keyName: KEY_NAME }],
      ]);
      const { rows: buckets } = JSON.parse((await gateway.ask("GET", `${PAGE}api/buckets`)).text);
      expect(buckets).to.have.length(1);
      expect(buckets[0]).to.deep.include({ name: "bucket", defaultEncryption: { kind: "none" } });
      expect(JSON.parse((await gateway.ask("GET", `${PAGE}api/status`)).text).isStorageOnline).to.equal(true);
    } finally {
      await gateway.stop();
      await backEnd.stop();
      await rm(folder, { recursive: true, force: true });
    }
  });

  it("answers HEAD without a body", async () => {
    const reply = await server.ask("HEAD", `${PAGE}api/status`);
    expect([reply.status, reply.text]).to.deep.equal([200, ""]);
  });

  for (const [query, status, code] of [
    ["bucket=absent-bucket", 404, "NoSuchBucket"],
    ["bucket=..%2Fetc", 400, "InvalidBucketName"],
    ["", 400, "InvalidBucketName"],
    ["bucket=bucket&bucket=other", 400, "InvalidArgument"],
    ["bucket=%ff", 400, "InvalidURI"],
  ] as const) {
    it(`says what is wrong with '${query}'`, async () => {
      const login = code === "InvalidURI" ? "anonymous" : ROOT;
      const reply = await server.ask("GET", `${PAGE}api/objects?${query}`, { login });
      expect(reply.status, reply.text).to.equal(status);
      expect(JSON.parse(reply.text).code).to.equal(code);
    });
  }

  it("changes nothing: no method but GET and HEAD is served", async () => {
    for (const method of ["PUT", "POST", "DELETE"]) {
      for (const path of [PAGE, ...paths]) {
        const reply = await server.ask(method, path);
        expect(reply.status, `${method} ${path}`).to.be.within(400, 412);
      }
    }
    expect((await server.ask("GET", "/bucket/c")).text).to.equal("hello");
  });

  it("logs who asked, for which bucket", async () => {
    const before = server.log.length;
    await server.ask("GET", `${PAGE}api/objects?bucket=bucket`);
    const ok = await server.logged(before + 1);
    expect(ok).to.include({ accessKey: ROOT.user, bucket: "bucket", status: 200, method: "GET" });
    expect(ok.keyService.calls, "looking costs no call of the key service").to.equal(0);
    await server.ask("GET", `${PAGE}api/objects?bucket=bucket`, {
      login: { ...ROOT, password: "wrong-secret" },
    });
    const refused = await server.logged(before + 2);
    expect(refused).to.include({ status: 403, code: "SignatureDoesNotMatch" });
    expect(refused.accessKey).to.equal(undefined);
  });

  it("serves the page with a policy that lets in nothing but its own files", async () => {
    const ask = () => server.ask("GET", PAGE, { login: "anonymous" });
    const [first, second] = [await ask(), await ask()];
    expect(first.status).to.equal(200);
    const policy = String(first.headers["content-security-policy"]);
    const nonce = /script-src 'nonce-([\w+/]{24})'/.exec(policy)?.[1] ?? "";
    expect(policy.split("; ")).to.have.members([
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
    ]);
    expect(policy).not.to.match(/unsafe|\*/);
    expect(first.headers).to.include({
      "cache-control": "no-store",
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    expect(first.text)
      .to.include(`nonce="${nonce}"`)
      .and.not.match(/<script(?! type="module" src=)|<style|\son\w+=/);
    expect(String(second.headers["content-security-policy"]), "a nonce is for once").not.to.include(nonce);
    expect(first.headers).not.to.have.any.keys("set-cookie", "x-powered-by", "etag");
  });

  it("finds the page without its last slash, and nothing beside it", async () => {
    const { status, headers } = await server.ask("GET", "/_keswick", { login: "anonymous" });
    expect([status, headers.location]).to.deep.equal([308, PAGE]);
    for (const path of [
      "page/tsconfig.json",
      "page/../console.js",
      "page/%2e%2e/console.js",
      "page/absent.js",
    ]) {
      const reply = await server.ask("GET", PAGE + path, { login: "anonymous" });
      expect(reply.status, path).to.be.within(400, 404);
    }
  });
});

describe("the console in a browser", function () {
  this.timeout(180_000);
  let browser: Browser;
  let server: S3TestServer;

  before(async function () {
    browser = await launchChromium(this, [ELSEWHERE]);
    server = await startS3Server({
      accessKeys: [{ accessKey: reader.user, secret: reader.password, rights: { canWrite: false } }],
    });
    for (const bucket of ["archive", "backups", "hostile", "many", "plain"]) await put(server, `/${bucket}`);
    await put(server, "/archive?encryption", {}, encryptionDocument("aws:kms", KEY_NAME));
    await put(server, "/backups?encryption", {}, encryptionDocument("AES256"));
    await put(server, "/archive/2025/a", {}, "a");
    await put(server, "/archive/2025/05/b", {}, "b");
    await put(server, "/archive/report.pdf", {}, Buffer.alloc(123_456));
    await put(server, "/archive/s3.bin", { "x-amz-server-side-encryption": "AES256" });
    await put(server, "/plain/p");
    for (const name of Object.values(HOSTILE)) await put(server, `/hostile/${encodeURIComponent(name)}`);
    for (let i = 0; i < OBJECTS; i++) await put(server, `/many/object-${String(i).padStart(3, "0")}`);
  });
  after(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** Works with a page that is logged in; afterwards nothing may have gone wrong in it. */
  async function loggedIn(
    work: (page: Page) => Promise<void>,
    { at = "", to = server }: { readonly at?: string; readonly to?: S3TestServer } = {},
  ): Promise<void> {
    const { page, complaints } = await openPage(browser, { ignoreHTTPSErrors: true });
    try {
      await page.goto(`${to.url}${PAGE}${at}`);
      await logIn(page, ROOT);
      await page.getByRole("button", { name: "Log out" }).waitFor();
      await work(page);
      expect(complaints).to.deep.equal([]);
    } finally {
      await page.close();
    }
  }

  it("logs in, shows buckets, their defaults and the key service", async () => {
    await loggedIn(async (page) => {
      const shown = await rows(page, 5);
      expect(shown.map(([name, , encryption, key]) => [name, encryption, key])).to.deep.equal([
        ["archive", "SSE-KMS", KEY_NAME],
        ["backups", "SSE-S3", KEY_NAME],
        ["hostile", "Not encrypted", ""],
        ["many", "Not encrypted", ""],
        ["plain", "Not encrypted", ""],
      ]);
      for (const [, created] of shown) expect(created).to.match(/^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d$/);
      const status = await page.getByRole("region", { name: "Status" }).textContent();
      expect(status).to.equal(
        `StatusStorageOnlineKey servicestatic keyDefault key${KEY_NAME}Endpoint127.0.0.1 Online`,
      );
      expect(await page.locator("#who").textContent()).to.equal(ROOT.user);
    });
  });

  it("never sends the secret, and keeps it nowhere", async () => {
    const { page } = await openPage(browser);
    try {
      const sent: Request[] = [];
      page.on("request", (request) => sent.push(request));
      await page.goto(server.url + PAGE);
      await logIn(page, ROOT);
      await rows(page, 5);
      expect(sent.filter((request) => request.url().includes("/api/"))).to.have.length.above(2);
      for (const request of sent) {
        const all = [
          request.url(),
          request.postData() ?? "",
          JSON.stringify(await request.allHeaders()),
        ].join("\n");
        expect(all).not.to.include(ROOT.password);
        expect(request.method()).to.equal("GET");
      }
      const kept = await page.evaluate<
        Record<"stores" | "cookies" | "fields" | "html" | "state", unknown>
      >(`({
        stores: localStorage.length + sessionStorage.length,
        cookies: document.cookie,
        fields: [...document.querySelectorAll("input")].map((input) => input.value).join(""),
        html: document.documentElement.outerHTML,
        state: JSON.stringify(history.state),
      })`);
      expect(kept).to.include({ stores: 0, cookies: "", fields: "", state: "null" });
      expect(kept.html).not.to.include(ROOT.password);
      await page.reload();
      await page.getByRole("button", { name: "Log in" }).waitFor();
      expect(await page.locator("tbody tr").count()).to.equal(0);
    } finally {
      await page.close();
    }
  });

  for (const [title, login, message] of [
    ["a wrong secret", { user: ROOT.user, password: "not-the-secret" }, "Access key or secret is wrong."],
    ["an unknown access key", { user: "nobody", password: ROOT.password }, "Access key or secret is wrong."],
    ["another access key than the root's", reader, "for the root alone"],
  ] as const) {
    it(`does not let in ${title}`, async () => {
      const { page } = await openPage(browser);
      try {
        await page.goto(server.url + PAGE);
        await logIn(page, login);
        await page.getByRole("alert").getByText(message).waitFor();
        expect(await page.locator("table").count()).to.equal(0);
        expect(await page.getByLabel("Secret").inputValue()).to.equal("");
        await logIn(page, ROOT);
        await rows(page, 5);
        expect(await page.getByRole("alert").count(), "the message is gone").to.equal(0);
      } finally {
        await page.close();
      }
    });
  }

  it("logs out: nothing of what was seen stays", async () => {
    await loggedIn(
      async (page) => {
        await rows(page, 3);
        await page.getByRole("button", { name: "Log out" }).click();
        await page.getByRole("button", { name: "Log in" }).waitFor();
        expect(await page.locator("#view").innerHTML()).to.equal("");
        expect(page.url()).to.equal(server.url + PAGE);
        await page.evaluate(`location.hash = "#bucket=archive"`);
        expect(await page.locator("table").count()).to.equal(0);
      },
      { at: "#bucket=archive" },
    );
  });

  it("logs out by itself when nobody touches it", async () => {
    const { page } = await openPage(browser);
    try {
      await page.clock.install();
      await page.goto(server.url + PAGE);
      await logIn(page, ROOT);
      await rows(page, 5);
      await page.clock.fastForward("14:00");
      await page.mouse.click(5, 5);
      await page.clock.fastForward("14:00");
      expect(await page.locator("tbody tr").count(), "touched a quarter of an hour ago at most").to.equal(5);
      await page.clock.fastForward("02:00");
      await page.getByRole("alert").getByText("Logged out").waitFor();
      expect(await page.locator("tbody tr").count()).to.equal(0);
    } finally {
      await page.close();
    }
  });

  it("works though the machine's clock is wrong by an hour", async () => {
    const { page } = await openPage(browser);
    try {
      const before = server.log.length;
      await page.clock.setSystemTime(Date.now() + 3_600_000);
      await page.goto(server.url + PAGE);
      await logIn(page, ROOT);
      await rows(page, 5);
      const codes = server.log.slice(before).map(({ code }) => code);
      expect(codes, "refused once, then right").to.deep.equal([
        "RequestTimeTooSkewed",
        ...codes.slice(1).fill(undefined),
      ]);
    } finally {
      await page.close();
    }
  });

  it("browses folders, shows encryption and key of each object, goes back", async () => {
    await loggedIn(async (page) => {
      await page.getByRole("link", { name: "archive" }).click();
      const objects = await rows(page, 3);
      expect(objects.map(([name, size, , encryption, key]) => [name, size, encryption, key])).to.deep.equal([
        ["2025/", "", "", ""],
        ["report.pdf", "121 KiB", "SSE-KMS", KEY_NAME],
        ["s3.bin", "5 B", "SSE-S3", KEY_NAME],
      ]);
      await page.getByRole("link", { name: "2025/" }).click();
      expect((await rows(page, 2)).map(([name]) => name)).to.deep.equal(["05/", "a"]);
      await page.getByRole("link", { name: "05/" }).click();
      expect((await rows(page, 1)).map(([name]) => name)).to.deep.equal(["b"]);
      expect(await page.getByRole("navigation").textContent()).to.equal("Buckets›archive›2025›05");
      await page.goBack();
      await rows(page, 2);
      await page.getByRole("navigation").getByRole("link", { name: "Buckets" }).click();
      await page.getByRole("link", { name: "plain" }).click();
      expect((await rows(page, 1))[0]?.[3]).to.equal("Not encrypted");
    });
  });

  it("pages through many objects, and narrows them by what they begin with", async () => {
    await loggedIn(async (page) => {
      await page.getByRole("link", { name: "many" }).click();
      const seen: (string | undefined)[] = (await rows(page, PAGE_ROWS)).map(([name]) => name);
      await page.getByRole("link", { name: "Next page" }).click();
      await page.getByText("object-050", { exact: true }).waitFor();
      seen.push(...(await rows(page, PAGE_ROWS)).map(([name]) => name));
      await page.getByRole("link", { name: "Next page" }).click();
      seen.push(...(await rows(page, OBJECTS - 2 * PAGE_ROWS)).map(([name]) => name));
      expect(seen).to.deep.equal(
        Array.from({ length: OBJECTS }, (_, i) => `object-${String(i).padStart(3, "0")}`),
      );
      expect(await page.getByRole("link", { name: "Next page" }).count()).to.equal(0);
      await page.getByRole("link", { name: "First page" }).click();
      await page.getByText("object-000", { exact: true }).waitFor();

      await page.getByRole("textbox").fill("object-11");
      await page.getByRole("textbox").press("Enter");
      expect((await rows(page, 10)).at(0)?.[0]).to.equal("object-110");
      expect(await page.getByRole("textbox").inputValue()).to.equal("object-11");
      await page.getByRole("textbox").fill("none like that");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByText("Nothing here begins like that.").waitFor();
    });
  });

  it("shows hostile names as they are, and harmless", async () => {
    await loggedIn(async (page) => {
      await page.getByRole("link", { name: "hostile" }).click();
      // The slash of `</script>` makes a folder of what stands before it.
      const names = (await rows(page, Object.keys(HOSTILE).length)).map(([name]) => name);
      expect(names).to.have.members([
        HOSTILE.markup,
        "</",
        HOSTILE.template,
        "aU+0007bU+000AcU+001B[31md",
        "invoiceU+202Egpj.exe",
        "aU+200BbU+00A0cU+FEFFd",
        HOSTILE.right,
        HOSTILE.emoji,
        HOSTILE.quotes,
        `${HOSTILE.long.slice(0, 200)}… all 1000 characters`,
      ]);
      await page.getByRole("button", { name: "all 1000 characters" }).click();
      await page.getByText(HOSTILE.long, { exact: true }).waitFor();
      const isTooWide = "document.documentElement.scrollWidth > document.documentElement.clientWidth";
      expect(await page.evaluate(isTooWide), "nothing sticks out").to.equal(false);
      await page.setViewportSize({ width: 360, height: 800 });
      expect(await page.evaluate(isTooWide), "nor where it is narrow").to.equal(false);

      await page.getByRole("link", { name: "</" }).click();
      await page.getByText("script><script>globalThis.hit='script'<").waitFor();
      expect(await page.evaluate("globalThis.hit")).to.equal(undefined);
      expect(await page.locator("#view img, #view script").count()).to.equal(0);

      const strange = "<b>&\u202e'\"";
      const hash = new URLSearchParams({ bucket: "hostile", folder: `${strange}/`, filter: strange });
      await page.evaluate(`location.hash = ${JSON.stringify(hash.toString())}`);
      await page.getByText("Nothing here begins like that.").waitFor();
      expect(await page.getByRole("navigation").textContent()).to.equal("Buckets›hostile›<b>&U+202E'\"");
    });
  });

  it("tells of a bucket that is not there", async () => {
    const { page } = await openPage(browser);
    try {
      await page.goto(`${server.url}${PAGE}#bucket=absent-bucket`);
      await logIn(page, ROOT);
      await page.getByRole("alert").getByText("NoSuchBucket").waitFor();
    } finally {
      await page.close();
    }
  });

  it("runs no script that was stored in a bucket, though it has the same origin", async () => {
    const body = "globalThis.hit = 'stored';";
    await put(server, "/plain/evil.js", { "content-type": "text/javascript" }, body);
    const { target } = signedHead(server, ROOT, "GET", "/plain/evil.js", { presign: 60 });
    const evil = server.url + target;
    const { page } = await openPage(browser);
    try {
      await page.goto(server.url + PAGE);
      const isFetched = await page.evaluate(`fetch(${JSON.stringify(evil)}).then((answer) => answer.text())`);
      expect(isFetched, "the address works").to.equal(body);
      const ways = await page.evaluate<Record<string, string>>(`(async (url) => {
        const ways = {
          element: () => { document.createElement("script").src = url; },
          markup: () => { document.body.innerHTML = "<img src=x onerror=\\"globalThis.hit='markup'\\">"; },
          import: () => import(url),
          text: () => setTimeout("globalThis.hit = 'text'"),
          worker: () => new Worker(url),
          service: () => navigator.serviceWorker.register(url),
        };
        const ends = {};
        for (const [name, way] of Object.entries(ways)) {
          try {
            await way();
            ends[name] = "let through";
          } catch {
            ends[name] = "refused";
          }
        }
        return ends;
      })(${JSON.stringify(evil)})`);
      expect(new Set(Object.values(ways)), JSON.stringify(ways)).to.deep.equal(new Set(["refused"]));
      expect(await page.evaluate("globalThis.hit")).to.equal(undefined);
    } finally {
      await page.close();
    }
  });

  it("shares its origin with no page that was stored in a bucket", async () => {
    const body = "<!doctype html><script>document.title = origin</script>";
    await put(server, "/plain/page.html", { "content-type": "text/html" }, body);
    await put(server, "/plain/page", { "content-type": "text/plain" }, body);
    const { page } = await openPage(browser);
    try {
      for (const path of ["/plain/page.html", "/plain/page?response-content-type=text%2Fplain,Text%2FHTML"]) {
        const { target } = signedHead(server, ROOT, "GET", path, { presign: 60 });
        const answer = await page.goto(server.url + target);
        expect(answer?.headers()["content-security-policy"], path).to.match(
          /^sandbox(?!.*allow-same-origin)/,
        );
        expect(await page.title(), path).to.equal("null");
      }
    } finally {
      await page.close();
    }
  });

  it("is part of what is built", async () => {
    const { folder } = await builtCli();
    const built = await startS3Process({ program: [process.execPath, join(folder, "src/cli/s3/main.js")] });
    const { page, complaints } = await openPage(browser);
    try {
      await page.goto(`http://${built.host}:${built.port}${PAGE}`);
      await logIn(page, PROCESS_ROOT);
      await page.getByText("No bucket yet.").waitFor();
      expect(complaints).to.deep.equal([]);
    } finally {
      await page.close();
      await built.stop();
    }
  });

  it("says why it cannot work over plain HTTP from elsewhere", async () => {
    const { page } = await openPage(browser);
    try {
      await page.goto(`http://${ELSEWHERE}:${server.port}${PAGE}`);
      const text = await page.getByRole("alert").textContent();
      expect(text).to.match(/cryptography.*https:\/\//);
      expect(await page.getByRole("button", { name: "Log in" }).count()).to.equal(0);
    } finally {
      await page.close();
    }
  });

  it("works over TLS and shows objects under clients' own keys", async () => {
    const tls = await startS3Server({ tls: true });
    try {
      await put(tls, "/safe");
      await put(tls, "/safe/mine", customerHeaders());
      await loggedIn(
        async (page) => {
          expect((await rows(page, 1))[0]?.slice(3)).to.deep.equal(["SSE-C", "the client's own"]);
        },
        { at: "#bucket=safe", to: tls },
      );
    } finally {
      await tls.stop();
    }
  });

  it("shows a key service that is away, and that there is none", async () => {
    class Away extends StaticKeyService {
      override async status(): Promise<KeyServiceStatus> {
        const endpoint = { endpoint: "https://kes.example:7373", isOnline: false };
        return { name: "KES", defaultKey: KEY_NAME, endpoints: [endpoint] };
      }
    }
    for (const [keys, expected] of [
      [new Away(KEY_NAME, randomBytes(32)), /KESDefault key.*https:\/\/kes\.example:7373 Not reachable/],
      ["none", /Key serviceNone configured$/],
    ] as const) {
      const other = await startS3Server({ keys });
      try {
        await loggedIn(
          async (page) => {
            const status = page.getByRole("region", { name: "Status" });
            await status.waitFor();
            expect(await status.textContent()).to.match(expected);
            await page.getByText("No bucket yet.").waitFor();
          },
          { to: other },
        );
      } finally {
        await other.stop();
      }
    }
  });
});
