// A file in an envelope: its content under a data key of its own, and that data key sealed by the server.
// Layout: length of the sealed data key (2 bytes) || sealed data key || nonce (12) || tag (16) || content.
import { createCipheriv, createDecipheriv, randomBytes } from "node:crypto";

const NONCE = 12;
const TAG = 16;

/** The same bytes must be given to open a file, so that one file's data key does not open another. */
const contextOf = (/** @type {string} */ id) => ({ document: id });

/**
 * @param {import("keswick/client").KesClient} client
 * @param {string} keyName
 * @param {string} id what the content is: not secret, but must be known to open it
 * @param {Uint8Array} content
 */
export async function seal(client, keyName, id, content) {
  const dek = await client.generateKey(keyName, { context: contextOf(id) });
  // A data key is used once, so a random nonce cannot repeat under it.
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv("aes-256-gcm", dek.plaintext, nonce, { authTagLength: TAG });
  dek.plaintext.fill(0);
  const sealed = Buffer.concat([cipher.update(content), cipher.final()]);
  return pack(dek.ciphertext, Buffer.concat([nonce, cipher.getAuthTag(), sealed]));
}

/**
 * @param {import("keswick/client").KesClient} client
 * @param {string} keyName
 * @param {string} id
 * @param {Buffer} envelope
 */
export async function open(client, keyName, id, envelope) {
  const { sealedDek, rest } = unpack(envelope);
  const dek = await client.decrypt(keyName, sealedDek, { context: contextOf(id) });
  const decipher = createDecipheriv("aes-256-gcm", dek, rest.subarray(0, NONCE), { authTagLength: TAG });
  dek.fill(0);
  decipher.setAuthTag(rest.subarray(NONCE, NONCE + TAG));
  // `final` throws when anything was changed; until then nothing may be used.
  return Buffer.concat([decipher.update(rest.subarray(NONCE + TAG)), decipher.final()]);
}

/**
 * The same data key under another named key; the content stays as it is.
 * @param {import("keswick/client").KesClient} client
 * @param {string} fromKey
 * @param {string} toKey
 * @param {string} id
 * @param {Buffer} envelope
 */
export async function reseal(client, fromKey, toKey, id, envelope) {
  const { sealedDek, rest } = unpack(envelope);
  const dek = await client.decrypt(fromKey, sealedDek, { context: contextOf(id) });
  const resealed = await client.encrypt(toKey, dek, { context: contextOf(id) });
  dek.fill(0);
  return pack(resealed, rest);
}

/**
 * @param {Buffer} sealedDek
 * @param {Buffer} rest
 */
function pack(sealedDek, rest) {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(sealedDek.length);
  return Buffer.concat([length, sealedDek, rest]);
}

/** @param {Buffer} envelope */
function unpack(envelope) {
  const length = envelope.length < 2 ? 0 : envelope.readUInt16BE();
  if (length === 0 || envelope.length < 2 + length + NONCE + TAG) throw new Error("this is no envelope");
  return { sealedDek: envelope.subarray(2, 2 + length), rest: envelope.subarray(2 + length) };
}
