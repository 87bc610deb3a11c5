/** Headers of the PROXY protocol, version 2, as load balancers write them, and as none does. */

/** What version 2 begins with. */
export const SIGNATURE = Buffer.from("\r\n\r\n\0\r\nQUIT\n", "latin1");

/** @param command - version and command @param family - family and transport */
export function v2(command: number, family: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(body.length);
  return Buffer.concat([SIGNATURE, Buffer.of(command, family), length, body]);
}

/** A header for a TCP connection over IPv4. */
export function headerV2(ip: string, port: number, extensions: Buffer = Buffer.alloc(0)): Buffer {
  const ports = Buffer.alloc(4);
  ports.writeUInt16BE(port, 0);
  ports.writeUInt16BE(7373, 2);
  const addresses = Buffer.from([...ip.split("."), ..."192.0.2.1".split(".")].map(Number));
  return v2(0x21, 0x11, Buffer.concat([addresses, ports, extensions]));
}
