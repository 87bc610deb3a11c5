// A client for the server and the identity that the environment names, as `kes start` prints it.
import { KesClient } from "keswick/client";

export function connect() {
  const { env } = process;
  return new KesClient({
    endpoints: env.MINIO_KMS_KES_ENDPOINT ?? "https://127.0.0.1:7373",
    ...(env.MINIO_KMS_KES_API_KEY ? { apiKey: env.MINIO_KMS_KES_API_KEY } : {}),
    ...(env.MINIO_KMS_KES_CERT_FILE ? { certificate: env.MINIO_KMS_KES_CERT_FILE } : {}),
    ...(env.MINIO_KMS_KES_KEY_FILE ? { key: env.MINIO_KMS_KES_KEY_FILE } : {}),
    ...(env.MINIO_KMS_KES_CAPATH ? { ca: env.MINIO_KMS_KES_CAPATH } : {}),
  });
}
