/** The section `keystore` for AWS Secrets Manager, or an emulator of it, at an address. */
import { CREDENTIALS, REGION } from "../../test/support/moto.js";

export function awsKeystore(endpoint: string): string {
  return (
    `keystore:\n  aws:\n    secretsmanager:\n      endpoint: ${endpoint}\n      region: ${REGION}\n` +
    `      credentials:\n        accesskey: ${CREDENTIALS.accesskey}\n        secretkey: ${CREDENTIALS.secretkey}\n`
  );
}
