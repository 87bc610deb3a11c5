/** `kes-s3 gateway`. */
import { resolve } from "node:path";
import { UsageError } from "../../../errors.js";
import { command } from "../../command.js";
import { serverFlags } from "../server-flags.js";

export const gatewayCommand = command({
  usage: "kes-s3 gateway [flags] --backend URL",
  description:
    "Serves S3 and keeps objects in another S3 service, encrypted on their way there. Any number of gateways with the " +
    "same keys may stand side by side. Without a key service all of encryption is left to the back end; with " +
    "MINIO_GATEWAY_SSE (s3, c, or s3;c) the back end encrypts once more. Credentials for the back end: AWS's own " +
    "variables, profiles and roles, or root's.",
  options: {
    ...serverFlags,
    backend: { type: "string", value: "URL", description: "Endpoint of the S3 service behind (required)" },
    "backend-region": { type: "string", value: "NAME", description: "Its region (default us-east-1)" },
    "backend-ca": { type: "string", value: "FILE", description: "Certificates that sign for it, PEM" },
  },
  args: [0, 0],
  examples: [
    "MINIO_ROOT_USER=admin MINIO_ROOT_PASSWORD=$(cat password) kes-s3 gateway --backend https://s3.example.com",
    "MINIO_GATEWAY_SSE='s3;c' kes-s3 gateway --backend https://minio:9000 --backend-ca ca.crt --address :9100",
  ],

  async run({ options }, context) {
    const { backend, "backend-region": region, "backend-ca": caFile } = options;
    const endpoint = backend === undefined || !URL.canParse(backend) ? undefined : new URL(backend);
    if (endpoint === undefined || !/^https?:$/.test(endpoint.protocol)) {
      throw new UsageError("--backend takes the URL of an S3 service, for example https://s3.example.com");
    }
    const [{ serveS3 }, { openGateway }, { serverOptions }] = await Promise.all([
      import("../serve.js"),
      import("../gateway.js"),
      import("../server-options.js"),
    ]);
    const place = {
      endpoint,
      ...(region === undefined ? {} : { region }),
      ...(caFile === undefined ? {} : { caFile: resolve(context.cwd, caFile) }),
    };
    return serveS3(serverOptions(options, context), openGateway(place), context);
  },
});
