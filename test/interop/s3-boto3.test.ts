/** boto3 against a server that is nothing but the S3 protocol: what it signs and sends is read, and it reads the answers. */
import { realpathSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { openBody, planBody, readBody } from "../../src/storage/s3/body.js";
import {
  documentBytes,
  readComplete,
  readDelete,
  readEncryption,
  readTagging,
} from "../../src/storage/s3/documents.js";
import { errorReply, shownError } from "../../src/storage/s3/error-reply.js";
import { s3Error } from "../../src/storage/s3/errors.js";
import { readForm } from "../../src/storage/s3/form.js";
import { readStoredHeaders } from "../../src/storage/s3/headers.js";
import { compareKeys, listPage } from "../../src/storage/s3/listing.js";
import { readListV1, readListV2 } from "../../src/storage/s3/listing-query.js";
import { type ListedObject, listV1Document, listV2Document } from "../../src/storage/s3/listing-xml.js";
import { parseCopySource } from "../../src/storage/s3/names.js";
import { RequestHeaders } from "../../src/storage/s3/request-headers.js";
import { completeElement, copyDocument, deleteDocument } from "../../src/storage/s3/result-documents.js";
import { type RoutedRequest, route } from "../../src/storage/s3/routing.js";
import { SecretCredential } from "../../src/storage/s3/signature/credentials.js";
import { verifyForm } from "../../src/storage/s3/signature/post-policy.js";
import { verifyRequest } from "../../src/storage/s3/signature/verify.js";
import { parseTarget } from "../../src/storage/s3/target.js";
import { xmlDeclaration } from "../../src/storage/s3/xml-writer.js";
import { selfSigned } from "../support/certificates.js";
import { runOk } from "../support/child-process.js";
import { requireService } from "../support/services/index.js";

const ACCESS_KEY = "access/key";
const SECRET = "secret+key/with=all";
const CONTENT = "content of the object\n";
const MIB = 1024 * 1024;
const owner = { id: "id", displayName: "owner" };

interface Seen {
  readonly operation: string;
  readonly key: string | undefined;
  readonly payload: string;
  readonly size?: number;
  readonly text?: string;
  readonly detail?: unknown;
}

interface Outcome {
  readonly keys: readonly string[];
  readonly listed: readonly (readonly string[])[];
  readonly statuses: Readonly<Record<string, number>>;
  readonly version2: string;
  readonly absent: Readonly<Record<string, string>>;
}

const credentials = {
  find: (key: string) =>
    key === ACCESS_KEY ? new SecretCredential(key, SECRET, { canWrite: true }) : undefined,
};

/** Serves every request with what the protocol layer makes of it. */
class ProtocolServer {
  readonly seen: Seen[] = [];
  readonly failures: string[] = [];
  readonly #objects = new Map<string, ListedObject>();

  readonly serve = (request: IncomingMessage, response: ServerResponse): void => {
    this.#answer(request, response).catch((error) => {
      const shown = shownError(error);
      this.failures.push(shown.reason === "INTERNAL" ? String(shown.cause) : shown.reason);
      const { method = "", url = "" } = request;
      const reply = errorReply(error, { method, path: url, requestId: "1", hostId: "2" });
      request.resume();
      response.writeHead(reply.status, { ...reply.headers }).end(reply.body);
    });
  };

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const headers = new RequestHeaders(request.rawHeaders);
    const target = parseTarget(request.url ?? "", headers.get("host"), []);
    const routed = route(request.method ?? "", target, headers);
    const options = { credentials, nowMs: Date.now() };
    if (routed.operation === "PostObject") return this.#form(request, response, routed, headers);
    const verified = verifyRequest({ method: request.method ?? "", target, headers }, options);
    const { payload } = verified;
    const kind =
      payload.kind === "chunked" ? `${payload.isSigned ? "signed" : "unsigned"} chunks` : payload.kind;
    const record = (more: Partial<Seen>): void => {
      this.seen.push({ operation: routed.operation, key: routed.key, payload: kind, ...more });
    };
    const document = async (): Promise<Buffer> =>
      readBody(
        request,
        planBody(headers, verified, { maxBytes: MIB, needsLength: false }),
        documentBytes.delete,
      );
    const send = (text = "", more: Record<string, string> = {}): void => {
      response.writeHead(200, { etag: '"e"', ...more }).end(text);
    };
    switch (routed.operation) {
      case "PutObject":
      case "UploadPart": {
        const stored = readStoredHeaders(headers);
        const plan = planBody(headers, verified, { maxBytes: 10 * MIB, needsLength: true });
        const body = openBody(request, plan, 10 * MIB, { md5: true });
        let text = "";
        for await (const piece of body) text += text.length < 100 ? piece.toString() : "";
        const { size, checksum } = body.results;
        record({
          size,
          text: text.slice(0, CONTENT.length),
          detail: { ...stored.headers, sum: checksum?.algorithm },
        });
        const key = routed.key ?? "";
        this.#objects.set(key, { key, modifiedMs: 0, etag: "e", size });
        return send();
      }
      case "CopyObject":
        record({ detail: parseCopySource(headers.get("x-amz-copy-source") ?? "") });
        return send(copyDocument("CopyObjectResult", "e", 0));
      case "DeleteObjects": {
        const { objects } = await readDelete(await document());
        record({ detail: objects.map(({ key }) => key) });
        return send(deleteDocument(objects, false));
      }
      case "CompleteMultipartUpload": {
        record({ detail: await readComplete(await document()) });
        const completed = { location: "l", bucket: "bucket", key: "upload", etag: "e-2" };
        return send(`${xmlDeclaration}  ${completeElement(completed)}`);
      }
      case "PutObjectTagging":
        record({ detail: readTagging(await document()) });
        return send();
      case "PutBucketEncryption":
        record({ detail: readEncryption(await document()) });
        return send();
      case "ListObjects": {
        const query = readListV1(routed.query);
        return send(listV1Document("bucket", query, await listPage(this.#scan, query), owner));
      }
      case "ListObjectsV2": {
        const query = readListV2(routed.query);
        return send(listV2Document("bucket", query, await listPage(this.#scan, query), owner));
      }
      case "GetObject":
        throw s3Error("KEY_NOT_FOUND");
      default:
        throw s3Error("NOT_IMPLEMENTED");
    }
  }

  async #form(
    request: IncomingMessage,
    response: ServerResponse,
    routed: RoutedRequest,
    headers: RequestHeaders,
  ): Promise<void> {
    const { fields, file } = await readForm(request, headers.get("content-type") ?? "");
    try {
      const form = verifyForm(fields, routed.bucket ?? "", { credentials, nowMs: Date.now() });
      let text = "";
      for await (const piece of file) text += piece;
      const { minBytes, maxBytes } = form;
      this.seen.push({
        operation: "PostObject",
        key: fields.get("key"),
        payload: "form",
        text,
        detail: { minBytes, maxBytes },
      });
      response.writeHead(204).end();
    } finally {
      file.destroy();
    }
  }

  readonly #scan = (start: Buffer): ListedObject[] =>
    [...this.#objects.values()]
      .filter(({ key }) => Buffer.compare(Buffer.from(key), start) >= 0)
      .sort((a, b) => compareKeys(a.key, b.key));
}

describe("interop: boto3 and the S3 protocol", function () {
  this.timeout(120_000);
  const server = new ProtocolServer();
  let outcome: Outcome;
  const found = (operation: string, key?: string): Seen => {
    const seen = server.seen.find(
      (one) => one.operation === operation && (key === undefined || one.key === key),
    );
    if (seen === undefined) throw new Error(`no ${operation} of ${key} was seen`);
    return seen;
  };

  before(async function () {
    // moto is made of boto3, so its environment has it.
    const python = join(dirname(realpathSync(requireService(this, "moto"))), "python3");
    const { certPem, keyPem } = selfSigned({ algorithm: "p256", sans: ["localhost", "127.0.0.1"] });
    const servers = [
      createServer(server.serve),
      createTlsServer({ cert: certPem, key: keyPem }, server.serve),
    ];
    try {
      const urls = await Promise.all(
        servers.map(
          (one, index) =>
            new Promise<string>((resolve) => {
              one.listen(0, "127.0.0.1", () => {
                const { port } = one.address() as AddressInfo;
                resolve(`http${index === 0 ? "" : "s"}://127.0.0.1:${port}`);
              });
            }),
        ),
      );
      const script = join(import.meta.dirname, "../support/boto3_requests.py");
      const env = { HOME: "/nonexistent", PYTHONDONTWRITEBYTECODE: "1" };
      const text = await runOk([python, script, ...urls, ACCESS_KEY, SECRET], { env, timeoutMs: 100_000 });
      outcome = JSON.parse(text);
    } catch (error) {
      throw new Error(`${error}\nrefused: ${server.failures.join(", ")}`);
    } finally {
      for (const one of servers) {
        one.closeAllConnections();
        one.close();
      }
    }
  });

  it("has every key as it was meant, signed and whole", () => {
    for (const key of outcome.keys) {
      const seen = found("PutObject", key);
      expect(seen, key).to.include({ payload: "hash", size: CONTENT.length, text: CONTENT });
      expect(seen.detail).to.include({ "content-type": "text/plain", "x-amz-meta-a": "two  blanks" });
    }
  });

  it("has checksums in headers and in trailers, and bodies that are not signed", () => {
    expect(found("PutObject", "sum-SHA256").detail).to.include({ sum: "SHA256" });
    expect(found("PutObject", "sum-SHA1").detail).to.include({ sum: "SHA1" });
    expect(found("PutObject", "md5").text).to.equal(CONTENT);
    const trailer = found("PutObject", "tls-trailer");
    expect(trailer).to.include({ payload: "unsigned chunks", size: CONTENT.length * 100_000 });
    expect(trailer.detail).to.include({ sum: "CRC32" }).and.not.have.property("content-encoding");
    expect(found("PutObject", "tls-sha256").detail).to.include({ sum: "SHA256" });
    expect(found("PutObject", "tls-unsigned").payload).to.equal("unsigned");
    expect(found("UploadPart", "upload").text).to.equal(CONTENT);
  });

  it("has its documents read", () => {
    expect(found("CopyObject").detail).to.deep.equal({ bucket: "other", key: "a+b ü" });
    expect(found("DeleteObjects").detail).to.deep.equal(outcome.keys);
    expect(found("CompleteMultipartUpload").detail).to.deep.equal([
      { number: 1, etag: "abc" },
      { number: 3, etag: "def" },
    ]);
    expect(found("PutObjectTagging").detail).to.deep.equal([{ key: "a", value: "<&>" }]);
    expect(found("PutBucketEncryption").detail).to.deep.equal({ algorithm: "aws:kms", keyId: "my-key" });
  });

  it("reads both listings to their end, page by page", () => {
    const stored = [
      ...new Set(server.seen.filter((seen) => seen.operation === "PutObject").map((seen) => seen.key ?? "")),
    ];
    const shown = new Set(
      stored
        .filter((key) => key !== "pre signed/ü")
        .map((key) => (key.includes("/") ? key.slice(0, key.indexOf("/") + 1) : key)),
    );
    shown.add("upload");
    for (const listed of outcome.listed) expect(listed).to.have.members([...shown]);
  });

  it("presigns, and cannot change what it presigned", () => {
    expect(found("PutObject", "pre signed/ü").payload).to.equal("unsigned");
    expect(outcome.statuses).to.include({
      presigned: 200,
      "presigned-tampered": 403,
      "presigned-header": 403,
      form: 204,
      "form-altered": 403,
      "form-uncovered": 403,
      "version-2": 400,
    });
    expect(outcome.version2).to.contain("<Code>InvalidRequest</Code>").and.contain("AWS4-HMAC-SHA256");
    expect(found("PostObject")).to.deep.include({
      key: "form/näme.txt",
      text: CONTENT,
      detail: { minBytes: 1, maxBytes: 100 },
    });
    expect(server.failures).to.have.members([
      "SIGNATURE_MISMATCH",
      "HEADERS_NOT_SIGNED",
      "SIGNATURE_VERSION_UNSUPPORTED",
      "POLICY_CONDITION_FAILED",
      "POLICY_FIELD_UNCOVERED",
      "KEY_NOT_FOUND",
    ]);
  });

  it("knows our errors for what they are", () => {
    expect(outcome.absent).to.include({ Code: "NoSuchKey", Message: "The specified key does not exist." });
  });
});
