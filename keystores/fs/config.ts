/** The section `keystore.fs` of the configuration. */

/** Options of the fs keystore. */
export interface FsOptions {
  /** The key folder; relative to the working directory of the server. */
  readonly path: string;
}

/** JSON Schema of {@link FsOptions}. */
export const fsSchema = {
  type: "object",
  description: "Keys in a folder of this machine, one file for each key, as KES lays them out.",
  required: ["path"],
  additionalProperties: false,
  properties: {
    path: {
      type: "string",
      minLength: 1,
      description:
        "The key folder. Created with mode 0700 when it is missing. It must be on a file system with hard " +
        "links; several servers may share it.",
    },
  },
} as const;
