/** A copy that the back end makes: content as it stands there, metadata as the gateway says. */
import { CopyObjectCommand, type CopyObjectCommandOutput } from "@aws-sdk/client-s3";
import type { CopyRequest } from "../objects/object-service.js";
import { withoutReserved } from "../sse/metadata.js";
import type { RequestedEncryption } from "../sse/request.js";
import type { GatewayBase } from "./base.js";
import { copySourceOf, type FoundObject } from "./found-object.js";
import { type SealedMetadata, writeMetadata } from "./metadata.js";
import { tagging } from "./store-content.js";
import { copySourceFields, encryptionFields } from "./twice.js";
import { writeConditions } from "./write-conditions.js";

/**
 * One call, beside those of the conditions.
 * @param found - exactly this is copied
 * @param sealed - empty where the content is plain to the gateway
 * @throws S3Error `PRECONDITION_FAILED` also when the source is another by now
 */
export async function copyRaw(
  base: GatewayBase,
  request: Omit<CopyRequest, "source" | "sse">,
  found: FoundObject,
  wanted: RequestedEncryption | undefined,
  sealed: SealedMetadata,
): Promise<CopyObjectCommandOutput> {
  const { path, headers, tags, storageClass, conditions, signal, checksum } = request;
  const fields = await writeConditions(base, path, conditions, undefined, signal);
  const isPlain = sealed.encryption === undefined;
  return base.backEnd.call(signal, (client, options) =>
    client.send(
      new CopyObjectCommand({
        ...{ Bucket: path.bucket, Key: path.object },
        CopySource: copySourceOf(found),
        CopySourceIfMatch: found.backEndETag,
        MetadataDirective: "REPLACE",
        ...writeMetadata(headers ?? withoutReserved(found.headers), sealed),
        ...fields,
        ...encryptionFields(base, wanted, path),
        ...copySourceFields(found.customer),
        ...(tags === undefined ? { TaggingDirective: "COPY" } : { TaggingDirective: "REPLACE" }),
        ...tagging({ tags: tags ?? [], ...(storageClass === undefined ? {} : { storageClass }) }),
        // Of ciphertext the back end would compute something else.
        ...(checksum === undefined || !isPlain ? {} : { ChecksumAlgorithm: checksum.algorithm }),
      }),
      options,
    ),
  );
}
