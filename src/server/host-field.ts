/**
 * The `Host` of a request of HTTP/1.1 (RFC 9112 §3.2): exactly one, of what a host is made of, as KES's server (Go's
 * `net/http`) wants it. Nothing here goes by it, but whoever stands in front may, and then both must read the same.
 */

/** What Go's server takes: letters, digits and marks of RFC 3986, in whatever order. */
const HOST = /^[A-Za-z0-9!$%&'()*+,\-.:;=[\]_~]*$/;

/** True for the value of a `Host` field that names a host, or nothing. */
export function isHost(value: string): boolean {
  return HOST.test(value);
}
