/**
 * What requests are held against: the least that a key server in Node has to do. It is the unit of budget.json, so that
 * a change here asks for new figures there.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from "node:crypto";
import { createServer, type Server, type TlsOptions } from "node:tls";

/** Bytes of a request of the reference: a head and a body of about the size of real ones. */
export const REQUEST = Buffer.from(
  `${"h".repeat(120)}{"context":"${Buffer.from('{"bucket":"bucket/some/object-1"}').toString("base64")}"}`,
);
const HEAD_BYTES = 120;

/** A TLS server that answers each {@link REQUEST} with what a generate and a decrypt compute. */
export function referenceServer(options: TlsOptions): Server {
  const key = randomBytes(32);
  return createServer({ ...options, requestCert: true, rejectUnauthorized: false }, (socket) => {
    let waiting: Buffer = Buffer.alloc(0);
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("data", (piece: Buffer) => {
      waiting = waiting.length === 0 ? piece : Buffer.concat([waiting, piece]);
      const answers: string[] = [];
      while (waiting.length >= REQUEST.length) {
        answers.push(answerTo(key, waiting.toString("latin1", HEAD_BYTES, REQUEST.length)));
        waiting = waiting.subarray(REQUEST.length);
      }
      if (answers.length > 0) socket.write(answers.join(""));
    });
  });
}

function answerTo(key: Buffer, body: string): string {
  const { context } = JSON.parse(body) as { context: string };
  const aad = Buffer.from(context, "base64");
  const salt = randomBytes(28);
  const messageKey = createHmac("sha256", key).update(salt.subarray(0, 16)).digest();
  const nonce = salt.subarray(16);
  const cipher = createCipheriv("aes-256-gcm", messageKey, nonce, { authTagLength: 16 });
  cipher.setAAD(aad);
  const sealed = cipher.update(key);
  cipher.final();
  const decipher = createDecipheriv("aes-256-gcm", messageKey, nonce, { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(cipher.getAuthTag());
  const opened = decipher.update(sealed);
  decipher.final();
  return `${JSON.stringify({ plaintext: opened.toString("base64"), ciphertext: sealed.toString("base64") })}\n`;
}
