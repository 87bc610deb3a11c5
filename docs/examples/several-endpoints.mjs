// node several-endpoints.mjs KEY ENDPOINT…: one client for all, and one question to each.
import { isKesError, KesClient } from "keswick/client";

const [keyName = "", ...endpoints] = process.argv.slice(2);
const credentials = {
  apiKey: process.env.MINIO_KMS_KES_API_KEY ?? "",
  ca: process.env.MINIO_KMS_KES_CAPATH ?? "",
};

// Calls go to the nearest endpoint that works; one that fails is left alone for a while, and then asked again.
const client = new KesClient({ ...credentials, endpoints, timeoutMs: 10_000 });
const dek = await client.generateKey(keyName);
dek.plaintext.fill(0);
console.log(`data key of ${dek.ciphertext.length} bytes`);
await client.close();

for (const endpoint of endpoints) {
  const one = new KesClient({ ...credentials, endpoints: endpoint, timeoutMs: 5_000 });
  try {
    const { version, latencyMs } = await one.status();
    console.log(`${endpoint} up ${version} ${latencyMs < 1000 ? "fast" : "slow"}`);
  } catch (error) {
    if (!isKesError(error)) throw error;
    console.log(`${endpoint} down ${error.code}`);
  } finally {
    await one.close();
  }
}
