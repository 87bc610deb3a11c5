/** Whether an access key may do what a request asks for. */
import { s3Error } from "../s3/errors.js";
import { allowsBucket, allowsListing, allowsObject, type Rights } from "../s3/rights.js";
import type { RoutedRequest } from "../s3/routing.js";

/**
 * Before anything is looked up, so that nobody learns what there is. Three look again by themselves: ListBuckets shows
 * what the key may see, DeleteObjects checks every key, copies check their source.
 *
 * @throws S3Error `ACCESS_DENIED`
 */
export function authorize({ operation, access, bucket, key, query }: RoutedRequest, rights: Rights): void {
  const isAllowed = (): boolean => {
    if (bucket === undefined) return true;
    if (key !== undefined) return allowsObject(rights, access, bucket, key);
    switch (operation) {
      case "ListObjects":
      case "ListObjectsV2":
      case "ListObjectVersions":
      case "ListMultipartUploads":
        return allowsListing(rights, bucket, query.filled("prefix") ?? "");
      case "DeleteObjects":
        return rights.canWrite && allowsBucket(rights, "read", bucket);
      default:
        return allowsBucket(rights, access, bucket);
    }
  };
  if (!isAllowed()) throw s3Error("ACCESS_DENIED");
}
