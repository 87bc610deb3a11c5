/** Which files a configuration is made of. */
import type { Config } from "../../config/config.js";

/** Certificate, key and CAs of the server. */
export function tlsFiles({ tls }: Config): readonly string[] {
  return [tls.keyFile, tls.certFile, ...(tls.caPath === undefined ? [] : [tls.caPath])];
}

/** The file itself, policy documents, and certificates of identities. */
export function configFiles({ file, policies, certificates }: Config): readonly string[] {
  const documents = policies.flatMap(({ policy: { allow, deny } }) =>
    [...allow, ...deny].flatMap(({ place }) => (place === undefined ? [] : [place.file])),
  );
  return [...new Set([file, ...documents, ...certificates.map((certificate) => certificate.file)])];
}
