/** boto3, AWS's SDK for Python, at our server, behind nginx, and at a gateway. */
import { realpathSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { ClientSite, S3Driver } from "../../support/s3-clients/driver.js";
import { LineProcess } from "../../support/s3-clients/line-process.js";
import { toldKind } from "../../support/s3-clients/seen-object.js";
import { describeClient } from "../../support/s3-clients/table.js";
import { requireService } from "../../support/services/index.js";

const script = join(import.meta.dirname, "../../support/s3-clients/boto3_driver.py");

async function open(python: string, site: ClientSite): Promise<S3Driver> {
  const { caFile, customerKey, folder, ...rest } = site;
  const settings = join(folder, "boto3.json");
  const told = { ...rest, ca: caFile, customerKey: customerKey.toString("base64") };
  await writeFile(settings, JSON.stringify(told), { mode: 0o600 });
  const boto3 = new LineProcess([python, script, settings], {
    ...{ HOME: join(folder, "home"), AWS_EC2_METADATA_DISABLED: "true" },
    ...{ LC_ALL: "C.UTF-8", PYTHONDONTWRITEBYTECODE: "1" },
  });
  return {
    put: async (file, key) => void (await boto3.ask("put", file, key)),
    get: async (key, file) => void (await boto3.ask("get", key, file)),
    async range(key, offset, length) {
      const file = join(folder, "range");
      await boto3.ask("range", key, offset, length, file);
      return readFile(file);
    },
    async stat(key) {
      const answer = (await boto3.ask("stat", key)) as {
        ContentLength: number;
        ServerSideEncryption?: string;
        SSECustomerAlgorithm?: string;
      };
      return { size: answer.ContentLength, kind: toldKind(answer) };
    },
    list: async (prefix) => (await boto3.ask("list", prefix)) as string[],
    copy: async (from, to) => void (await boto3.ask("copy", from, to)),
    upload: async (file, key) => void (await boto3.ask("upload", file, key)),
    remove: async (key) => void (await boto3.ask("remove", key)),
    close: () => boto3.close(),
  };
}

describeClient({
  client: "boto3",
  places: { TLS: "all", plain: "all", nginx: "all", gateway: "all" },
  async prepare(context) {
    const python = join(dirname(realpathSync(requireService(context, "awscli"))), "python3");
    return (site) => open(python, site);
  },
});
