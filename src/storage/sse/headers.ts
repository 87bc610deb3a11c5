/** Headers of a request, or fields of a form, as the functions of this folder read them. */

/**
 * Lower-case name → value; a list where one came several times. Node's `IncomingMessage.headers` is one; a form's
 * fields are after their names have been put in lower case.
 */
export type SseHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** The value of `name`, undefined when it is not there; several values as one that no rule accepts. */
export function headerOf(headers: SseHeaders, name: string): string | undefined {
  const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
  return value === undefined || typeof value === "string" ? value : value.join(", ");
}
