/** Another S3 service behind an S3 server. */
import { readFile } from "node:fs/promises";
import { secureRandom } from "../../crypto/random.js";
import type { BackEndOptions } from "../../storage/gateway/back-end.js";
import { GatewayObjects } from "../../storage/gateway/gateway-objects.js";
import { CommandError } from "../command.js";
import type { OpenService, ServiceParts } from "./serve.js";

export interface GatewayPlace {
  readonly endpoint: URL;
  readonly region?: string;
  /** Absolute path. */
  readonly caFile?: string;
}

export function openGateway({ endpoint, region, caFile }: GatewayPlace): OpenService {
  return async ({ settings, keys, note }) => {
    const ca = caFile === undefined ? undefined : await readCa(caFile);
    const backEnd: BackEndOptions = {
      endpoint: endpoint.href,
      ...(region === undefined ? {} : { region }),
      ...(ca === undefined ? {} : { ca }),
      ...credentialsOf(settings, note),
    };
    const { autoEncryption, gatewaySse: twice } = settings.keys;
    return {
      service: new GatewayObjects({
        ...{ backEnd, keys, autoEncryption, twice },
        ...{ random: secureRandom, now: Date.now },
      }),
      description: `gateway to ${endpoint.href} (${modeOf(keys !== undefined, twice)})`,
    };
  };
}

/** AWS's variables and profiles where there are any, otherwise root's, as MinIO's gateway had it. */
function credentialsOf(
  { environment, server }: ServiceParts["settings"],
  note: (text: string) => void,
): Pick<BackEndOptions, "credentials"> {
  const names = [
    ...["AWS_ACCESS_KEY_ID", "AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE"],
    ...["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"],
  ];
  const { AWS_ACCESS_KEY_ID: id, AWS_SECRET_ACCESS_KEY: secret, AWS_SESSION_TOKEN: token } = environment;
  if (id && secret && !token) return { credentials: { accessKeyId: id, secretAccessKey: secret } };
  if (names.some((name) => environment[name])) return {};
  note("the back end is given root's credentials: no AWS_ACCESS_KEY_ID, profile or role is set");
  const { accessKey, secret: password } = server.root;
  return { credentials: { accessKeyId: accessKey, secretAccessKey: password } };
}

function modeOf(hasKeys: boolean, twice: ReadonlySet<string>): string {
  if (!hasKeys) return "pass-through: encryption is the back end's";
  return twice.size === 0 ? "encrypts" : `encrypts, and the back end once more for ${[...twice].join(", ")}`;
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    throw new CommandError(`cannot read '${file}'`, { cause });
  }
}
