/** A configuration as plain data, to be sent to another process of the same program: its policies hold functions. */
import { type PolicyData, policyOfData, policyToData } from "../policy/transfer.js";
import type { Config, PolicyConfig } from "./config.js";

/** A {@link Config} that the structured clone algorithm can copy. */
export type ConfigData = Omit<Config, "policies"> & {
  readonly policies: readonly (Omit<PolicyConfig, "policy"> & { readonly policy: PolicyData })[];
};

export function configToData(config: Config): ConfigData {
  return {
    ...config,
    policies: config.policies.map(({ policy, ...rest }) => ({ ...rest, policy: policyToData(policy) })),
  };
}

/** The same configuration again. */
export function configOfData(data: ConfigData): Config {
  return {
    ...data,
    policies: data.policies.map(({ policy, ...rest }) => ({ ...rest, policy: policyOfData(policy) })),
  };
}
