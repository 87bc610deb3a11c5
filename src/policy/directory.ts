/** Who is who: the admin, the named policies and the identities they hold for. Replaced whole on a reload. */
import type { Identity, PolicyName } from "../names.js";
import type { Policy } from "./policy.js";

/** A named policy with the identities it holds for. */
export interface NamedPolicy {
  readonly name: PolicyName;
  readonly policy: Policy;
  readonly identities: readonly Identity[];
}

/** Look-ups over one configuration's admin and policies. */
export class Directory {
  readonly admin: Identity | undefined;
  /** The admin as the configuration writes it; reported as the creator of policies. */
  readonly adminText: string;
  /** Milliseconds since the epoch: when the server started, which KES reports as creation time. */
  readonly createdAtMs: number;
  readonly #policies = new Map<string, NamedPolicy>();
  readonly #assigned = new Map<string, NamedPolicy>();

  constructor(options: {
    admin: Identity | undefined;
    adminText: string;
    policies: readonly NamedPolicy[];
    createdAtMs: number;
  }) {
    this.admin = options.admin;
    this.adminText = options.adminText;
    this.createdAtMs = options.createdAtMs;
    for (const policy of options.policies) {
      this.#policies.set(policy.name, policy);
      for (const identity of policy.identities) this.#assigned.set(identity, policy);
    }
  }

  /** The policy of an identity, if it has one. The admin has none. */
  policyOf(identity: Identity): NamedPolicy | undefined {
    return this.#assigned.get(identity);
  }

  policy(name: string): NamedPolicy | undefined {
    return this.#policies.get(name);
  }

  /** Policy names that begin with `prefix`, in byte order. */
  policyNames(prefix: string): string[] {
    return [...this.#policies.keys()].filter((name) => name.startsWith(prefix)).sort();
  }

  /** Identities that begin with `prefix`, the admin among them, in byte order. */
  identities(prefix: string): string[] {
    const all = new Set<string>(this.#assigned.keys());
    if (this.admin !== undefined) all.add(this.admin);
    return [...all].filter((identity) => identity.startsWith(prefix)).sort();
  }
}
