/** The section `keystore.vault` of the configuration (KES configuration reference §11), and what is new in it. */

export interface VaultOptions {
  readonly endpoint: string;
  /** Mount path of the KV engine. */
  readonly engine: string;
  readonly version: "v1" | "v2";
  readonly namespace?: string;
  /** Folder below the engine. */
  readonly prefix?: string;
  readonly approle?: AppRoleOptions;
  readonly kubernetes?: KubernetesOptions;
  readonly jwt?: JwtOptions;
  readonly cert?: CertOptions;
  readonly token?: string;
  readonly token_file?: string;
  readonly transit?: { readonly engine: string; readonly key: string };
  readonly tls?: { readonly key?: string; readonly cert?: string; readonly ca?: string };
  /** Milliseconds; 0 for no background poll. */
  readonly status?: { readonly ping: number };
  readonly v1?: { readonly allow_racy_create: boolean };
}

/** What every way to log in has. */
interface LoginOptions {
  readonly engine: string;
  /** `/` for the root namespace; without it the namespace of the keystore. */
  readonly namespace?: string;
}

export interface AppRoleOptions extends LoginOptions {
  readonly id: string;
  readonly secret: string;
}

export interface KubernetesOptions extends LoginOptions {
  readonly role: string;
  /** The token, or the path of a file that holds it when there is a `/` in it. */
  readonly jwt: string;
}

export interface JwtOptions extends LoginOptions {
  readonly role: string;
  readonly jwt: string;
}

export interface CertOptions extends LoginOptions {
  readonly name?: string;
}

/** The ways to log in; exactly one must be there. */
export const LOGIN_METHODS = ["approle", "kubernetes", "jwt", "cert", "token", "token_file"] as const;

const text = { type: "string", minLength: 1 } as const;
const namespace = {
  type: "string",
  description: "Namespace of the log-in; `/` for the root. Default: that of the keystore.",
} as const;
const engine = (name: string) =>
  ({ ...text, default: name, description: "Mount path of the log-in method." }) as const;

/** JSON Schema of {@link VaultOptions}. */
export const vaultSchema = {
  type: "object",
  description: "Keys in a KV engine of HashiCorp Vault or OpenBao, as KES lays them out.",
  required: ["endpoint"],
  additionalProperties: false,
  properties: {
    endpoint: {
      ...text,
      missing: "kesconf: invalid vault keystore: no endpoint specified",
      description: "Address, for example `https://vault.example.com:8200`.",
    },
    engine: { ...text, default: "kv", description: "Mount path of the KV engine." },
    version: {
      enum: ["v1", "v2"],
      default: "v1",
      description: "Version of the KV engine. Use v2: v1 cannot decide a race of two creates.",
    },
    namespace: { type: "string", description: "Namespace; default $VAULT_NAMESPACE." },
    prefix: { type: "string", description: "Folder below the engine." },
    approle: {
      type: "object",
      required: ["id", "secret"],
      additionalProperties: false,
      description: "Log in by AppRole.",
      properties: {
        engine: engine("approle"),
        namespace,
        id: { ...text, description: "Role ID." },
        secret: { ...text, description: "Secret ID." },
      },
    },
    kubernetes: {
      type: "object",
      required: ["role", "jwt"],
      additionalProperties: false,
      description: "Log in by a Kubernetes service account.",
      properties: {
        engine: engine("kubernetes"),
        namespace,
        role: { ...text, description: "Role." },
        jwt: { ...text, description: "The token, or the file that holds it; read again at each log-in." },
      },
    },
    jwt: {
      type: "object",
      required: ["role", "jwt"],
      additionalProperties: false,
      description: "Log in by a JSON web token.",
      properties: {
        engine: engine("jwt"),
        namespace,
        role: { ...text, description: "Role." },
        jwt: { ...text, description: "The token, or the file that holds it; read again at each log-in." },
      },
    },
    cert: {
      type: "object",
      additionalProperties: false,
      description: "Log in by the certificate of `tls`.",
      properties: {
        engine: engine("cert"),
        namespace,
        name: { ...text, description: "Certificate role; default: whichever fits." },
      },
    },
    token: { ...text, description: "A token. Better: `token_file`." },
    token_file: {
      ...text,
      description: "File with a token, kept fresh by Vault Agent or the like; read again when it changes.",
    },
    transit: {
      type: "object",
      required: ["key"],
      additionalProperties: false,
      description: "Encrypt each key with this transit key before it is stored.",
      properties: {
        engine: { ...text, default: "transit", description: "Mount path of the transit engine." },
        key: { ...text, description: "Name of the transit key." },
      },
    },
    tls: {
      type: "object",
      additionalProperties: false,
      properties: {
        key: { ...text, description: "File with the private key of the client certificate." },
        cert: { ...text, description: "File with the client certificate." },
        ca: { ...text, description: "File or folder with the certificates to trust, and no others." },
      },
    },
    status: {
      type: "object",
      additionalProperties: false,
      properties: {
        ping: {
          type: "string",
          format: "go-duration",
          default: "15s",
          description: "How often Vault is asked whether it is sealed.",
        },
      },
    },
    v1: {
      type: "object",
      additionalProperties: false,
      properties: {
        allow_racy_create: {
          type: "boolean",
          default: false,
          description:
            "Create keys in a KV engine of version 1 although two servers that create one key at once may both " +
            "succeed, after which the data of one of them is lost.",
        },
      },
    },
  },
} as const;
