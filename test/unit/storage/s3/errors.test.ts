import { expect } from "chai";
import { errorReply, shownError } from "../../../../src/storage/s3/error-reply.js";
import { isS3Error, s3Error, s3Errors } from "../../../../src/storage/s3/errors.js";
import { commonHeaders, newHostId, newRequestId } from "../../../../src/storage/s3/reply-headers.js";
import { parseXml } from "../../../../src/storage/s3/xml-reader.js";

const request = { method: "GET", path: "/b/k%20", bucket: "b", key: "k ", requestId: "ID", hostId: "H" };

/** S3 code → status: the reference's table (§2), and what §3 to §7 name besides. */
const statuses: Readonly<Record<string, number>> = {
  AccessDenied: 403,
  InvalidAccessKeyId: 403,
  SignatureDoesNotMatch: 403,
  RequestTimeTooSkewed: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  InvalidArgument: 400,
  InvalidRequest: 400,
  MalformedXML: 400,
  InvalidBucketName: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  EntityTooSmall: 400,
  EntityTooLarge: 400,
  KeyTooLongError: 400,
  InvalidDigest: 400,
  BadDigest: 400,
  IncompleteBody: 400,
  XAmzContentSHA256Mismatch: 400,
  MetadataTooLarge: 400,
  NoSuchBucket: 404,
  NoSuchKey: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  MethodNotAllowed: 405,
  BucketAlreadyOwnedByYou: 409,
  BucketAlreadyExists: 409,
  BucketNotEmpty: 409,
  OperationAborted: 409,
  ConditionalRequestConflict: 409,
  MissingContentLength: 411,
  PreconditionFailed: 412,
  InvalidRange: 416,
  InternalError: 500,
  NotImplemented: 501,
  SlowDown: 503,
  ServiceUnavailable: 503,
  NoSuchBucketPolicy: 404,
  NoSuchTagSet: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchWebsiteConfiguration: 404,
  ReplicationConfigurationNotFoundError: 404,
  ObjectLockConfigurationNotFoundError: 404,
  NoSuchPublicAccessBlockConfiguration: 404,
  OwnershipControlsNotFoundError: 404,
  ServerSideEncryptionConfigurationNotFoundError: 404,
};

describe("storage/s3 errors", () => {
  for (const [code, status] of Object.entries(statuses)) {
    it(`has ${code} with ${status}`, () => {
      const rows = Object.values(s3Errors).filter(([rowCode]) => rowCode === code);
      expect(rows, "rows").not.to.have.length(0);
      for (const [, rowStatus] of rows) expect(rowStatus).to.equal(status);
    });
  }

  it("has one status for each code", () => {
    const byCode = new Map<string, Set<number>>();
    for (const [code, status] of Object.values(s3Errors)) {
      byCode.set(code, (byCode.get(code) ?? new Set()).add(status));
    }
    for (const [code, set] of byCode) expect([...set], code).to.have.length(1);
  });

  it("is written in the exact form", () => {
    const { status, headers, body } = errorReply(s3Error("KEY_NOT_FOUND"), request);
    expect(status).to.equal(404);
    expect(body).to.equal(
      '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>' +
        "<Message>The specified key does not exist.</Message><Key>k </Key><BucketName>b</BucketName>" +
        "<Resource>/b/k%20</Resource><RequestId>ID</RequestId><HostId>H</HostId></Error>",
    );
    expect(headers).to.deep.equal({
      "content-type": "application/xml",
      "content-length": String(body?.length),
    });
  });

  it("carries the members of the row", () => {
    const members = { RangeRequested: "bytes=9-", ActualObjectSize: "5" };
    const { body = "" } = errorReply(s3Error("RANGE_UNSATISFIABLE", { members }), request);
    expect(body).to.contain(
      "<RangeRequested>bytes=9-</RangeRequested><ActualObjectSize>5</ActualObjectSize>",
    );
  });

  it("has no body for HEAD, and is well-formed for any path and key", () => {
    expect(errorReply(s3Error("KEY_NOT_FOUND"), { ...request, method: "HEAD" })).to.deep.equal({
      status: 404,
      headers: {},
    });
    const { body = "" } = errorReply(s3Error("KEY_NOT_FOUND"), {
      ...request,
      path: "/b/<&\0>",
      key: "<&\0>",
    });
    expect(parseXml(Buffer.from(body)).children.find(({ name }) => name === "Key")?.text).to.equal(
      "<&\ufffd>",
    );
  });

  it("tells nothing of what is not an S3Error", () => {
    const cause = new Error("secret path");
    expect(shownError(cause)).to.include({ reason: "INTERNAL", cause });
    const reply = errorReply(cause, request);
    expect(reply.status).to.equal(500);
    expect(reply.body).not.to.contain("secret");
    expect(isS3Error(cause, "INTERNAL")).to.equal(false);
    expect(isS3Error(shownError(cause), "INTERNAL")).to.equal(true);
  });

  it("asks clients to come again after an outage", () => {
    expect(errorReply(s3Error("SLOW_DOWN"), request).headers).to.include({ "retry-after": "1" });
  });

  it("gives every answer an id, a date and a server", () => {
    const fixed = (size: number) => Buffer.alloc(size, 0xab);
    const ids = { requestId: newRequestId(fixed), hostId: newHostId(fixed) };
    expect(ids.requestId).to.equal("ABABABABABABABAB");
    expect(commonHeaders(ids, Date.UTC(2026, 0, 2, 3, 4, 5))).to.deep.equal({
      server: "Keswick",
      date: "Fri, 02 Jan 2026 03:04:05 GMT",
      "x-amz-request-id": "ABABABABABABABAB",
      "x-amz-id-2": ids.hostId,
      "x-content-type-options": "nosniff",
    });
  });
});
