/** PutObject and PostObject. */

import { bodyContent } from "../objects/measured.js";
import { checkNames } from "../objects/metadata-names.js";
import type { PutRequest, WrittenObject } from "../objects/object-service.js";
import type { LocalBase } from "./base.js";
import { needsMd5, storeObject } from "./store-object.js";
import { decideFor, makeTarget } from "./target.js";
import { prepareCheck } from "./write-check.js";

/** All that can be refused is refused before the body is opened. */
export async function putObject(base: LocalBase, request: PutRequest): Promise<WrittenObject> {
  const { path, stored, sse, conditions, body, signal } = request;
  const wanted = decideFor(base, path.bucket, sse);
  checkNames(stored.headers);
  const check = await prepareCheck(base, path, conditions);
  const target = await makeTarget(base, wanted, { path, isMultipart: false, signal });
  try {
    const content = bodyContent(body.open({ md5: needsMd5(target) }));
    return await storeObject(base, { path, stored, target, content, check, signal });
  } finally {
    target.key?.wipe();
  }
}
