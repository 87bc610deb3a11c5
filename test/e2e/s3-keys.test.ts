/** Names of objects that other servers, file systems and frameworks stumble over. */
import { createConnection } from "node:net";
import { expect } from "chai";
import { parseXml, textOf } from "../../src/storage/s3/xml-reader.js";
import { type S3TestServer, startS3Server } from "../support/s3-server.js";

/** Encodes each byte but the plainest, and leaves slashes, as SDKs do. */
function pathOf(key: string): string {
  return key
    .split("/")
    .map((segment) =>
      encodeURIComponent(segment).replaceAll(
        /[!'()*]/g,
        (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
      ),
    )
    .join("/");
}

const keys: readonly (readonly [what: string, key: string])[] = [
  ["a plain one", "hello.txt"],
  ["blanks", "a b  c"],
  ["a plus", "a+b"],
  ["a percent sign", "100%"],
  ["what looks like an escape", "a%2Fb%zz"],
  ["question mark and hash", "a?b#c"],
  ["ampersand, quotes, angle brackets", `<a href="b">&'c'</a>`],
  ["two slashes", "a//b"],
  ["a slash at the beginning", "/a"],
  ["a slash at the end", "folder/"],
  ["slashes alone", "///"],
  ["a dot", "."],
  ["two dots", ".."],
  ["a way up", "../../etc/passwd"],
  ["a way up within", "a/../b"],
  ["dots within", "a/./b"],
  ["a", "a"],
  ["a/b beside a", "a/b"],
  ["a-b beside a/b", "a-b"],
  ["A beside a", "A"],
  ["backslashes", "a\\b\\..\\c"],
  ["a colon and a drive", "C:\\x"],
  ["an asterisk", "*"],
  ["a tab and a line feed", "a\tb\nc"],
  ["a carriage return", "a\rb"],
  ["control characters", "\u0001\u0002\u001f\u007f"],
  ["a zero byte", "a\u0000b"],
  ["what XML cannot hold", "\ufffe\uffff"],
  ["letters with marks", "größe/é"],
  ["the same mark, composed otherwise", "gro\u0308ße/e\u0301"],
  ["emoji", "😀/👩‍👩‍👧"],
  ["right to left", "שלום\u202eexe"],
  ["1,024 bytes", "k".repeat(1024)],
  ["1,024 bytes of two each", "é".repeat(512)],
  ["a segment of 300 bytes", `x/${"y".repeat(300)}/z`],
  ["200 segments", "s/".repeat(200)],
  ["what the server has itself", "minio/health/live"],
  ["a name that JavaScript has", "__proto__"],
  ["another one", "constructor"],
];

for (const store of ["memory", "folder"] as const) {
  describe(`S3 keys in ${store === "memory" ? "memory" : "a folder"}`, () => {
    let server: S3TestServer;

    before(async () => {
      server = await startS3Server(store === "folder" ? { store } : {});
      await server.ask("PUT", "/bucket");
    });

    after(() => server.stop());

    for (const [what, key] of keys) {
      it(`stores ${what} and gives it back`, async () => {
        const path = `/bucket/${pathOf(key)}`;
        const put = await server.ask("PUT", path, {
          body: `content of ${key}`,
          headers: { "x-amz-server-side-encryption": "AES256" },
        });
        expect(put.status, put.text).to.equal(200);
        const got = await server.ask("GET", path);
        expect([got.status, got.text]).to.deep.equal([200, `content of ${key}`]);
        expect((await server.ask("HEAD", path)).status).to.equal(200);
      });
    }

    it("lists all of them in the order of their bytes, percent-encoded where asked for", async () => {
      const listed: string[] = [];
      let token = "";
      do {
        const reply = await server.ask(
          "GET",
          `/bucket?list-type=2&encoding-type=url&max-keys=7${token === "" ? "" : `&continuation-token=${token}`}`,
        );
        const root = parseXml(reply.body);
        for (const child of root.children)
          if (child.name === "Contents") listed.push(decodeURIComponent(textOf(child, "Key") ?? ""));
        token = textOf(root, "NextContinuationToken") ?? "";
      } while (token !== "");
      const expected = keys
        .map(([, key]) => key)
        .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      expect(listed).to.deep.equal(expected);
    });

    it("lists them as XML that can be read, whatever they hold", async () => {
      const root = parseXml((await server.ask("GET", "/bucket?list-type=2")).body);
      expect(root.children.filter(({ name }) => name === "Contents")).to.have.lengthOf(keys.length);
    });

    it("deletes each and no other", async () => {
      for (const [what, key] of keys) {
        const path = `/bucket/${pathOf(key)}`;
        expect((await server.ask("DELETE", path)).status, what).to.equal(204);
        expect((await server.ask("GET", path)).status, what).to.equal(404);
      }
      expect((await server.ask("DELETE", "/bucket")).status).to.equal(204);
    });

    it("takes no absolute form of a target for another bucket", async () => {
      const answer = await raw(
        server.port,
        "GET http://elsewhere/bucket/k HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n",
      );
      expect(answer).to.match(/^HTTP\/1\.1 400 /);
      expect(answer).to.contain("<Code>InvalidURI</Code>");
    });
  });
}

/** Sends bytes as they are, and gives back everything up to the end of the connection. */
function raw(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = "";
    const socket = createConnection(port, "127.0.0.1", () => socket.write(text, "latin1"));
    socket.setEncoding("latin1").on("data", (piece: string) => {
      answer += piece;
    });
    socket.once("error", reject);
    socket.once("close", () => resolve(answer));
  });
}
