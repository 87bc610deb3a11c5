/** ListParts and ListMultipartUploads. */
import { ListMultipartUploadsCommand, ListPartsCommand } from "@aws-sdk/client-s3";
import { openSize } from "../../crypto/dare-sizes.js";
import type { ObjectService, UploadRef } from "../objects/object-service.js";
import { commonPrefixOf, type Page, type PageRequest } from "../s3/listing.js";
import type { ListPartsQuery } from "../s3/listing-query.js";
import type { ListedUpload } from "../s3/result-documents.js";
import type { GatewayBase } from "./base.js";
import { unquoted } from "./found-object.js";
import { afterOf, decoderOf } from "./listing.js";
import { readUploadId } from "./upload-id.js";

export async function listParts(
  base: GatewayBase,
  { path, uploadId, signal }: UploadRef,
  { marker, maxParts }: ListPartsQuery,
): ReturnType<ObjectService["parts"]> {
  const { id, encryption } = readUploadId(uploadId);
  const output = await base.backEnd.call(signal, (client, options) =>
    client.send(
      new ListPartsCommand({
        ...{ Bucket: path.bucket, Key: path.object, UploadId: id, MaxParts: maxParts },
        PartNumberMarker: String(marker),
      }),
      options,
    ),
  );
  const parts = (output.Parts ?? []).map(({ PartNumber: number = 0, ETag = "", Size = 0, LastModified }) => ({
    ...{ number, etag: unquoted(ETag), modifiedMs: LastModified?.getTime() ?? 0 },
    size: encryption === undefined ? Size : (openSize(Size) ?? Size),
  }));
  return {
    upload: { key: path.object, id: uploadId, createdMs: 0, storageClass: output.StorageClass },
    parts,
    isTruncated: output.IsTruncated ?? false,
  };
}

/** Ids are the back end's own: with them an upload can be given up and looked at, and not gone on with where it is encrypted. */
export async function listUploads(
  { backEnd }: GatewayBase,
  bucket: string,
  { prefix, delimiter, after, afterId, maxKeys }: PageRequest,
  signal: AbortSignal | undefined,
): Promise<Page<ListedUpload>> {
  const isCommon = commonPrefixOf(after, prefix, delimiter) !== undefined;
  const output = await backEnd.call(signal, (client, options) =>
    client.send(
      new ListMultipartUploadsCommand({
        ...{ Bucket: bucket, Prefix: prefix, MaxUploads: maxKeys, EncodingType: "url" },
        ...(delimiter === "" ? {} : { Delimiter: delimiter }),
        ...(after === "" ? {} : { KeyMarker: isCommon ? afterOf(after, prefix, delimiter) : after }),
        ...(afterId === undefined ? {} : { UploadIdMarker: afterId }),
      }),
      options,
    ),
  );
  const decoded = decoderOf(output);
  const contents = (output.Uploads ?? []).map(({ Key = "", UploadId = "", Initiated, StorageClass }) => ({
    ...{ key: decoded(Key), id: UploadId, createdMs: Initiated?.getTime() ?? 0, storageClass: StorageClass },
  }));
  return {
    contents,
    commonPrefixes: (output.CommonPrefixes ?? []).map(({ Prefix }) => decoded(Prefix)),
    isTruncated: output.IsTruncated ?? false,
    next: output.IsTruncated ? decoded(output.NextKeyMarker) : undefined,
    nextId: output.IsTruncated ? output.NextUploadIdMarker : undefined,
  };
}
