import { expect } from "chai";
import fc from "fast-check";
import type { S3Failure } from "../../../../src/storage/s3/errors.js";
import {
  operationRows,
  operations,
  parameters,
  subResources,
} from "../../../../src/storage/s3/operations.js";
import { percentEncode } from "../../../../src/storage/s3/percent.js";
import { type RoutedRequest, route } from "../../../../src/storage/s3/routing.js";
import { bucketOfHost, parseTarget } from "../../../../src/storage/s3/target.js";
import { S3Error } from "../../../../src/storage/s3-error.js";
import { headersOf, refused } from "./support.js";

const COPY = { "x-amz-copy-source": "/b/k" };
const FORM = { "content-type": "multipart/form-data; boundary=x" };

function routed(method: string, target: string, headers: Record<string, string> = {}): RoutedRequest {
  return route(method, parseTarget(target, "localhost", []), headersOf(headers));
}

/** One line of the reference's table each (S3 API reference §1, §7). */
const table: readonly (readonly [
  method: string,
  target: string,
  operation: string,
  headers?: Record<string, string>,
])[] = [
  ["GET", "/", "ListBuckets"],
  ["GET", "/?x-id=ListBuckets", "ListBuckets"],
  ["PUT", "/b", "CreateBucket"],
  ["PUT", "/b/", "CreateBucket"],
  ["HEAD", "/b", "HeadBucket"],
  ["DELETE", "/b", "DeleteBucket"],
  ["GET", "/b", "ListObjects"],
  ["GET", "/b/?delimiter=&prefix=&max-keys=2", "ListObjects"],
  ["GET", "/b?list-type=", "ListObjects"],
  ["GET", "/b?list-type=2", "ListObjectsV2"],
  ["GET", "/b?prefix=p&list-type=2&fetch-owner=true", "ListObjectsV2"],
  ["GET", "/b?versions", "ListObjectVersions"],
  ["GET", "/b?versions=", "ListObjectVersions"],
  ["GET", "/b?uploads", "ListMultipartUploads"],
  ["GET", "/b?location", "GetBucketLocation"],
  ["GET", "/b/?location=", "GetBucketLocation"],
  ["GET", "/b?versioning", "GetBucketVersioning"],
  ["PUT", "/b?versioning", "PutBucketVersioning"],
  ["GET", "/b?encryption", "GetBucketEncryption"],
  ["PUT", "/b?encryption", "PutBucketEncryption"],
  ["DELETE", "/b?encryption", "DeleteBucketEncryption"],
  ["POST", "/b?delete", "DeleteObjects"],
  ["POST", "/b?delete=", "DeleteObjects"],
  ["POST", "/b", "PostObject", FORM],
  ["POST", "/b/", "PostObject", { "content-type": "Multipart/Form-Data;boundary=x" }],
  ["GET", "/b?acl", "GetBucketAcl"],
  ["PUT", "/b?acl", "PutBucketAcl"],
  ["GET", "/b?policy", "GetBucketPolicy"],
  ["GET", "/b?policyStatus", "GetBucketPolicyStatus"],
  ["GET", "/b?tagging", "GetBucketTagging"],
  ["GET", "/b?lifecycle", "GetBucketLifecycleConfiguration"],
  ["GET", "/b?cors", "GetBucketCors"],
  ["GET", "/b?website", "GetBucketWebsite"],
  ["GET", "/b?logging", "GetBucketLogging"],
  ["GET", "/b?notification", "GetBucketNotificationConfiguration"],
  ["GET", "/b?replication", "GetBucketReplication"],
  ["GET", "/b?object-lock", "GetObjectLockConfiguration"],
  ["GET", "/b?requestPayment", "GetBucketRequestPayment"],
  ["GET", "/b?accelerate", "GetBucketAccelerateConfiguration"],
  ["GET", "/b?ownershipControls", "GetBucketOwnershipControls"],
  ["GET", "/b?publicAccessBlock", "GetPublicAccessBlock"],
  ["PUT", "/b/k", "PutObject"],
  ["PUT", "/b/k?x-id=PutObject", "PutObject"],
  ["PUT", "/b/k?X-Amz-Expires=60&X-Amz-Signature=", "PutObject"],
  ["PUT", "/b/k?x-amz-checksum-crc32=AAAAAA%3D%3D", "PutObject"],
  ["PUT", "/b/k?unknown=1", "PutObject"],
  ["PUT", "/b/k", "CopyObject", COPY],
  ["PUT", "/b/k?partNumber=1&uploadId=x", "UploadPart"],
  ["PUT", "/b/k?uploadId=x&partNumber=1", "UploadPart"],
  ["PUT", "/b/k?partNumber=1&uploadId=x", "UploadPartCopy", COPY],
  ["GET", "/b/k", "GetObject"],
  ["GET", "/b/k?partNumber=2&versionId=null&response-expires=", "GetObject"],
  ["GET", "/b/k", "GetObject", COPY],
  ["HEAD", "/b/k", "HeadObject"],
  ["HEAD", "/b/k?partNumber=2", "HeadObject"],
  ["GET", "/b/k?attributes", "GetObjectAttributes"],
  ["DELETE", "/b/k", "DeleteObject"],
  ["DELETE", "/b/k?versionId=null", "DeleteObject"],
  ["POST", "/b/k?uploads", "CreateMultipartUpload"],
  ["POST", "/b/k?uploads=", "CreateMultipartUpload"],
  ["POST", "/b/k?uploadId=x", "CompleteMultipartUpload"],
  ["GET", "/b/k?uploadId=x&part-number-marker=3", "ListParts"],
  ["DELETE", "/b/k?uploadId=x", "AbortMultipartUpload"],
  ["GET", "/b/k?acl", "GetObjectAcl"],
  ["PUT", "/b/k?acl", "PutObjectAcl"],
  ["GET", "/b/k?tagging", "GetObjectTagging"],
  ["PUT", "/b/k?tagging", "PutObjectTagging"],
  ["PUT", "/b/k?encryption", "UpdateObjectEncryption"],
  ["DELETE", "/b/k?tagging", "DeleteObjectTagging"],
  ["GET", "/b/k?retention", "GetObjectRetention"],
  ["GET", "/b/k?legal-hold", "GetObjectLegalHold"],
];

const refusals: readonly (readonly [
  method: string,
  target: string,
  S3Failure,
  headers?: Record<string, string>,
])[] = [
  ["PUT", "/b/k?retention", "NOT_IMPLEMENTED"],
  ["PUT", "/b/k?legal-hold", "NOT_IMPLEMENTED"],
  ["PUT", "/b/k?renameObject", "NOT_IMPLEMENTED"],
  ["PUT", "/b?encryption=&tagging", "PARAMETERS_CONFLICT"],
  ["PUT", "/b/k?of-days-to-come", "NOT_IMPLEMENTED"],
  ["DELETE", "/b/k?of-days-to-come=", "NOT_IMPLEMENTED"],
  ["DELETE", "/b/k?acl", "NOT_IMPLEMENTED"],
  ["POST", "/b/k?restore", "NOT_IMPLEMENTED"],
  ["POST", "/b/k?select&select-type=2", "NOT_IMPLEMENTED"],
  ["GET", "/b/k?torrent", "NOT_IMPLEMENTED"],
  ["GET", "/b?inventory&id=1", "NOT_IMPLEMENTED"],
  ["PUT", "/b?policy", "NOT_IMPLEMENTED"],
  ["PUT", "/b?policy=x", "NOT_IMPLEMENTED"],
  ["DELETE", "/b?policy", "NOT_IMPLEMENTED"],
  ["DELETE", "/b?versioning", "NOT_IMPLEMENTED"],
  ["GET", "/b?events", "NOT_IMPLEMENTED"],
  ["HEAD", "/b?location", "NOT_IMPLEMENTED"],
  ["GET", "/?acl", "NOT_IMPLEMENTED"],
  ["PUT", "/b/k?list-type=2", "NOT_IMPLEMENTED"],
  ["PUT", "/b/k?partNumber=1", "UPLOAD_PARAMETERS_INCOMPLETE"],
  ["PUT", "/b/k?uploadId=x", "UPLOAD_PARAMETERS_INCOMPLETE"],
  ["PUT", "/b/k?uploadId=", "UPLOAD_PARAMETERS_INCOMPLETE"],
  ["PUT", "/b/k?acl&tagging", "PARAMETERS_CONFLICT"],
  ["DELETE", "/b/k?uploadId=x&tagging", "PARAMETERS_CONFLICT"],
  ["GET", "/b?list-type=2&versions", "PARAMETERS_CONFLICT"],
  ["GET", "/b?list-type=3", "LIST_TYPE_INVALID"],
  ["PUT", "/b/k?uploadId=a&uploadId=b&partNumber=1", "PARAMETER_REPEATED"],
  ["GET", "/b/k?X-Amz-Date=1&x-amz-date=2", "PARAMETER_REPEATED"],
  ["POST", "/b", "FORM_EXPECTED"],
  ["POST", "/b", "FORM_EXPECTED", { "content-type": "multipart/form-datax" }],
  ["POST", "/b/k", "METHOD_NOT_ALLOWED"],
  ["POST", "/", "METHOD_NOT_ALLOWED"],
  ["DELETE", "/", "METHOD_NOT_ALLOWED"],
  ["PATCH", "/b/k", "METHOD_NOT_ALLOWED"],
  ["put", "/b/k", "METHOD_NOT_ALLOWED"],
  ["TRACE", "/b", "METHOD_NOT_ALLOWED"],
  ["OPTIONS", "/b/k", "METHOD_NOT_ALLOWED"],
  ["GET", "b/k", "URI_INVALID"],
  ["OPTIONS", "*", "URI_INVALID"],
  ["GET", "http://h/b/k", "URI_INVALID"],
  ["GET", "/b/%zz", "URI_INVALID"],
  ["GET", "/b/k%", "URI_INVALID"],
  ["GET", "/b/%ff", "URI_INVALID"],
  ["GET", "/b/%ed%a0%80", "URI_INVALID"],
  ["GET", "/b/%c0%af", "URI_INVALID"],
  ["GET", "/b/k?a=%2", "URI_INVALID"],
  ["GET", "/b/k?a=%ff", "URI_INVALID"],
  ["GET", "//k", "BUCKET_NAME_INVALID"],
];

describe("storage/s3 routing", () => {
  for (const [method, target, operation, headers] of table) {
    it(`${method} ${target}${headers === COPY ? " with a source" : ""} is ${operation}`, () => {
      const found = routed(method, target, headers);
      expect(found.operation).to.equal(operation);
      expect(found.access).to.equal(["GET", "HEAD"].includes(method) ? "read" : "write");
    });
  }

  it("has every operation of the table covered", () => {
    expect([...new Set(table.map(([, , operation]) => operation))].sort()).to.deep.equal(
      Object.keys(operations).sort(),
    );
  });

  for (const [method, target, failure, headers] of refusals) {
    it(`refuses ${method} ${target} as ${failure}`, () => {
      refused(() => routed(method, target, headers), failure);
    });
  }

  it("names no sub-resource that is a parameter as well", () => {
    expect([...subResources].filter((name) => parameters.has(name))).to.deep.equal([]);
  });

  it("never takes a request that names a sub-resource for the plain operation", () => {
    const plain = new Set(operationRows.filter(([, row]) => row.query.length === 0).map(([name]) => name));
    const names = [...subResources].filter((name) => name !== "list-type" && name !== "partNumber");
    for (const name of names) {
      for (const method of ["GET", "HEAD", "PUT", "POST", "DELETE"]) {
        for (const target of [`/?${name}`, `/b?${name}=`, `/b/k?${name}`, `/b/k?${name}=x&x-id=1`]) {
          try {
            expect(plain, `${method} ${target}`).not.to.include(
              routed(method, target, { ...COPY, ...FORM }).operation,
            );
          } catch (error) {
            if (!(error instanceof S3Error)) throw error;
          }
        }
      }
    }
  });

  describe("path and host", () => {
    const paths: readonly (readonly [string, string | undefined, string | undefined])[] = [
      ["/", undefined, undefined],
      ["/b", "b", undefined],
      ["/b/", "b", undefined],
      ["/b//", "b", "/"],
      ["/b/k", "b", "k"],
      ["/b/k/", "b", "k/"],
      ["/b//a/../c/./d", "b", "/a/../c/./d"],
      ["/b/..", "b", ".."],
      ["/b/a+b%2Bc%20d", "b", "a+b+c d"],
      ["/b/a%2Fb%252F", "b", "a/b%2F"],
      ["/b%2Fk", "b/k", undefined],
      ["/b/%E2%82%AC", "b", "€"],
      ["/b/\u00e2\u0082\u00ac", "b", "€"],
      ["/b/%00%0A", "b", "\0\n"],
      ["/b/%EF%BB%BFx", "b", "\ufeffx"],
      ["/b/a?x=/y", "b", "a"],
      ["/b/a%3Fx", "b", "a?x"],
    ];
    for (const [target, bucket, key] of paths) {
      it(`${JSON.stringify(target)} is ${JSON.stringify([bucket, key])}`, () => {
        expect(parseTarget(target, "localhost:9000", ["s3.example.com"])).to.include({ bucket, key });
      });
    }

    const hosts: readonly (readonly [string | undefined, string | undefined])[] = [
      ["s3.example.com", undefined],
      ["S3.Example.com:9000", undefined],
      ["b.s3.example.com", "b"],
      ["B.S3.EXAMPLE.COM:9000", "b"],
      ["a.b.s3.example.com:443", "a.b"],
      ["b.eu.s3.example.com", "b"],
      ["other.com", undefined],
      ["xs3.example.com", undefined],
      [".s3.example.com", undefined],
      ["127.0.0.1:9000", undefined],
      ["[::1]:9000", undefined],
      ["", undefined],
      [undefined, undefined],
    ];
    for (const [host, bucket] of hosts) {
      it(`host ${host} means ${bucket ?? "path style"}`, () => {
        const domains = ["s3.example.com", "eu.s3.example.com"];
        expect(bucketOfHost(host, domains)).to.equal(bucket);
        expect(bucketOfHost(host, domains.reverse())).to.equal(bucket);
      });
    }

    it("has the whole path as key where the host names the bucket", () => {
      const target = parseTarget("/a/b%20c?list-type=2", "b.s3.example.com", ["s3.example.com"]);
      expect(target).to.include({ bucket: "b", key: "a/b c", path: "/a/b c" });
      expect(parseTarget("/", "b.s3.example.com", ["s3.example.com"])).to.include({
        bucket: "b",
        key: undefined,
      });
    });

    it("gives back every key that was encoded", () => {
      const key = fc.string({ unit: "binary", minLength: 1, maxLength: 50 });
      fc.assert(
        fc.property(key, (text) => {
          expect(parseTarget(`/b/${percentEncode(text, true)}`, "h", []).key).to.equal(text);
          expect(parseTarget(`/b/${percentEncode(text, false)}`, "h", []).key).to.equal(text);
        }),
      );
    });

    it("routes any target, or refuses it with an S3Error", () => {
      const piece = fc.constantFrom(
        "/",
        "?",
        "&",
        "=",
        "%",
        "%2",
        "%41",
        "..",
        "acl",
        "uploads",
        "b",
        "\u00ff",
        "+",
        "#",
      );
      fc.assert(
        fc.property(
          fc.array(piece, { maxLength: 12 }),
          fc.constantFrom("GET", "PUT", "POST", "HEAD"),
          (pieces, method) => {
            try {
              expect(operations).to.have.property(routed(method, `/${pieces.join("")}`).operation);
            } catch (error) {
              if (!(error instanceof S3Error)) throw error;
              expect(error.status).to.be.oneOf([400, 405, 412, 501]);
            }
          },
        ),
        { numRuns: 1000 },
      );
    });
  });
});
