/** Reading `multipart/form-data`: the fields, then the file as a stream (S3 API reference §3.6). */
import { PassThrough, type Readable } from "node:stream";
import { Busboy, type BusboyInstance } from "@fastify/busboy";
import { s3Error } from "./errors.js";

/** All fields before the file together. */
const MAX_FIELDS_BYTES = 20 * 1024;
const MAX_FIELDS = 100;
const MAX_PART_HEADER_BYTES = 8 * 1024;
const FILE = "file";

export interface UploadForm {
  /** Lower-case name → value; `${filename}` in `key` is replaced. Fields after the file are passed over. */
  readonly fields: ReadonlyMap<string, string>;
  /**
   * Content of the file. It ends when the whole form was well-formed; fails with S3Error `FORM_MALFORMED` or
   * `BODY_INCOMPLETE`. To be read or destroyed.
   */
  readonly file: Readable;
}

/**
 * Reads a form up to its file. A failure leaves `source` unread and alive, so that an answer can still be sent.
 *
 * @param contentType - the header, with the boundary
 * @param signal - aborted: the fields are waited for no longer. The file has all the time it needs
 * @throws S3Error `FORM_MALFORMED`, `FORM_FIELDS_TOO_LARGE`, `FORM_FILE_MISSING`, `BODY_INCOMPLETE`, `BODY_TIMEOUT`
 */
export function readForm(source: Readable, contentType: string, signal?: AbortSignal): Promise<UploadForm> {
  const parser = createParser(contentType);
  const fields = new Map<string, string>();
  const file = new PassThrough();
  // Until somebody has it, there is nobody to tell; the promise tells.
  file.on("error", () => {});
  let size = 0;
  let hasBegun = false;
  return new Promise<UploadForm>((resolve, reject) => {
    const fail = (error: Error): void => {
      signal?.removeEventListener("abort", onAbort);
      source.unpipe(parser);
      file.destroy(error);
      reject(error);
    };
    const onAbort = (): void => fail(s3Error("BODY_TIMEOUT"));
    signal?.addEventListener("abort", onAbort, { once: true });
    const malformed = (cause: unknown): void => fail(s3Error("FORM_MALFORMED", { cause }));
    parser.on("field", (name: string | undefined, value, isNameCut, isValueCut) => {
      if (hasBegun) return;
      size += (name?.length ?? 0) + value.length;
      const key = name?.toLowerCase() ?? "";
      if (isNameCut || isValueCut || size > MAX_FIELDS_BYTES) return fail(s3Error("FORM_FIELDS_TOO_LARGE"));
      if (key === "" || fields.has(key))
        return malformed(new Error("a field without name, or one given twice"));
      fields.set(key, value);
    });
    parser.on("fieldsLimit", () => fail(s3Error("FORM_FIELDS_TOO_LARGE")));
    parser.on("file", (_name, stream, filename: string | undefined) => {
      hasBegun = true;
      signal?.removeEventListener("abort", onAbort);
      const key = fields.get("key");
      // A function, for `$` in a file's name has no meaning.
      if (key !== undefined)
        fields.set(
          "key",
          key.replace(/\$\{filename\}/g, () => filename ?? ""),
        );
      stream.once("error", malformed);
      file.once("close", () => source.unpipe(parser));
      // The end waits for the end of the form: a file may be whole in a form that is not.
      stream.pipe(file, { end: false });
      resolve({ fields, file });
    });
    parser.once("error", malformed);
    parser.once("finish", () => {
      if (hasBegun) file.end();
      else fail(s3Error("FORM_FILE_MISSING"));
    });
    source.once("error", (cause) => fail(s3Error("BODY_INCOMPLETE", { cause })));
    source.once("close", () => {
      if (!source.readableEnded) fail(s3Error("BODY_INCOMPLETE"));
    });
    source.pipe(parser);
  });
}

function createParser(contentType: string): BusboyInstance {
  try {
    return new Busboy({
      headers: { "content-type": contentType },
      isPartAFile: (name) => name?.toLowerCase() === FILE,
      limits: {
        fieldSize: MAX_FIELDS_BYTES,
        fields: MAX_FIELDS,
        parts: MAX_FIELDS + 1,
        files: 1,
        headerPairs: 16,
        headerSize: MAX_PART_HEADER_BYTES,
      },
    });
  } catch (cause) {
    throw s3Error("FORM_MALFORMED", { cause });
  }
}
