/** What `kes-s3 start` shows once the server runs: lines to paste into a second terminal. */
import { quote } from "../../quickstart.js";

export interface S3Quickstart {
  readonly url: string;
  /** File of the root's access key; the lines read it, so that no secret gets into a shell's history. */
  readonly credentialsFile: string | undefined;
  /** The default key at the key service. */
  readonly keyName: string | undefined;
}

/** Every block stands for itself, once the first line was pasted. */
export function s3Quickstart({ url, credentialsFile, keyName }: S3Quickstart): string {
  const [scheme = "", address = ""] = url.split("://");
  const login =
    credentialsFile === undefined
      ? ["export MINIO_ROOT_USER=... MINIO_ROOT_PASSWORD=...   # those of this server"]
      : [`. ${quote(credentialsFile)}`];
  const kms = keyName === undefined ? "" : " --sse aws:kms";
  const encrypt = keyName === undefined ? [] : [`mc encrypt set sse-kms ${keyName} keswick/photos`];
  const blocks: readonly (readonly [title: string, ...lines: string[]])[] = [
    ["First, the access key:", ...login],
    [
      "aws:",
      'export AWS_ACCESS_KEY_ID="$MINIO_ROOT_USER" AWS_SECRET_ACCESS_KEY="$MINIO_ROOT_PASSWORD"',
      `export AWS_DEFAULT_REGION=us-east-1 AWS_ENDPOINT_URL=${url}`,
      "aws s3 mb s3://photos",
      `aws s3 cp README.md s3://photos/${kms}`,
      "aws s3api head-object --bucket photos --key README.md",
    ],
    [
      "mc:",
      `export MC_HOST_keswick="${scheme}://$MINIO_ROOT_USER:$MINIO_ROOT_PASSWORD@${address}"`,
      "mc mb --ignore-existing keswick/photos",
      ...encrypt,
      "mc cp README.md keswick/photos/",
      "mc stat keswick/photos/README.md",
    ],
    [
      "rclone:",
      `export RCLONE_CONFIG_KESWICK_TYPE=s3 RCLONE_CONFIG_KESWICK_PROVIDER=Minio`,
      `export RCLONE_CONFIG_KESWICK_ENDPOINT=${url}`,
      'export RCLONE_CONFIG_KESWICK_ACCESS_KEY_ID="$MINIO_ROOT_USER"',
      'export RCLONE_CONFIG_KESWICK_SECRET_ACCESS_KEY="$MINIO_ROOT_PASSWORD"',
      "rclone copy README.md keswick:documents",
      "rclone ls keswick:documents",
    ],
    [
      "restic:",
      'export AWS_ACCESS_KEY_ID="$MINIO_ROOT_USER" AWS_SECRET_ACCESS_KEY="$MINIO_ROOT_PASSWORD"',
      `export RESTIC_REPOSITORY=s3:${url}/backup RESTIC_PASSWORD=choose-one`,
      "restic init",
      "restic backup README.md",
    ],
  ];
  const text = blocks.map(([title, ...lines]) => `${title}\n\n${lines.join("\n")}\n`).join("\n");
  return `\nTo try it, paste these lines into a second terminal.\n\n${text}\n`;
}
