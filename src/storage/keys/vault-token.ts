/** The token that Vault is called with: of an AppRole, renewed at half of its life, replaced when Vault refuses it. */
import type { Clock } from "../../client/clock.js";
import { sseError } from "../sse/errors.js";
import { objectOf, type VaultHttp, type VaultReply } from "./vault-http.js";

export interface AppRole {
  readonly roleId: string;
  readonly secretId: string;
}

interface Lease {
  readonly token: string;
  /** On the clock; infinite for a token that does not end. */
  readonly renewAtMs: number;
  readonly endsAtMs: number;
  readonly ttlSeconds: number;
}

/** A refusal is worth a new log-in no more often than this: a missing permission stays missing. */
const LOGIN_PAUSE_MS = 10_000;
/** After a failed renewal, while the token is still good. */
const RENEWAL_PAUSE_MS = 5_000;

/** No timers: what is due is done before the next call, by one of them for all. */
export class VaultToken {
  readonly #http: VaultHttp;
  readonly #role: AppRole;
  readonly #clock: Clock;
  #lease: Lease | undefined;
  #loggedInAtMs = Number.NEGATIVE_INFINITY;
  #pending: Promise<Lease> | undefined;

  constructor(http: VaultHttp, role: AppRole, clock: Clock) {
    this.#http = http;
    this.#role = role;
    this.#clock = clock;
  }

  /** @throws S3Error `KMS_UNAVAILABLE`, also when the log-in is refused: that is the operator's to mend */
  async current(): Promise<string> {
    const lease = this.#lease;
    if (lease !== undefined && this.#clock.now() < lease.renewAtMs) return lease.token;
    return (await this.#once(() => this.#refreshed(lease))).token;
  }

  /**
   * Another token than the one that was refused; undefined when there will be none, for the log-in is recent.
   * @throws S3Error `KMS_UNAVAILABLE`
   */
  async instead(refused: string): Promise<string | undefined> {
    if (this.#lease !== undefined && this.#lease.token !== refused) return this.#lease.token;
    if (this.#pending === undefined && this.#clock.now() - this.#loggedInAtMs < LOGIN_PAUSE_MS)
      return undefined;
    const { token } = await this.#once(() => this.#login());
    return token === refused ? undefined : token;
  }

  /** One log-in or renewal at a time. Not ended by the signal of any one call, for others wait for it. */
  async #once(task: () => Promise<Lease>): Promise<Lease> {
    this.#pending ??= task().finally(() => {
      this.#pending = undefined;
    });
    this.#lease = await this.#pending;
    return this.#lease;
  }

  async #refreshed(lease: Lease | undefined): Promise<Lease> {
    const isAlive = lease !== undefined && this.#clock.now() < lease.endsAtMs;
    if (!isAlive) return this.#login();
    try {
      return (await this.#renewed(lease)) ?? (await this.#login());
    } catch (error) {
      // Half of its life is left: an outage of the log-in must not be one of the keys as well.
      if (this.#clock.now() + RENEWAL_PAUSE_MS >= lease.endsAtMs) throw error;
      return { ...lease, renewAtMs: this.#clock.now() + RENEWAL_PAUSE_MS };
    }
  }

  /** Undefined when Vault does not renew it, or when its longest life is nearly over. */
  async #renewed({ token, ttlSeconds }: Lease): Promise<Lease | undefined> {
    const body = { increment: ttlSeconds };
    const reply = await this.#http.send({ method: "PUT", path: "auth/token/renew-self", body, token });
    if (reply.status >= 400 && reply.status < 500) return undefined;
    const lease = this.#leaseOf(reply, "renewal");
    return lease.ttlSeconds < ttlSeconds / 2 ? undefined : lease;
  }

  async #login(): Promise<Lease> {
    const { roleId, secretId } = this.#role;
    const body = { role_id: roleId, secret_id: secretId };
    const reply = await this.#http.send({ method: "PUT", path: "auth/approle/login", body });
    const lease = this.#leaseOf(reply, "log-in");
    this.#loggedInAtMs = this.#clock.now();
    return lease;
  }

  #leaseOf({ status, body, errors }: VaultReply, what: string): Lease {
    const { client_token: token, lease_duration: seconds } = objectOf(body?.auth) ?? {};
    if (status !== 200 || typeof token !== "string" || token === "") {
      const cause = new Error(`vault: ${what}: status ${status}: ${errors.join("; ")}`);
      throw sseError("KMS_UNAVAILABLE", { cause });
    }
    const isLasting = typeof seconds === "number" && seconds > 0;
    const ttlSeconds = isLasting ? seconds : Number.POSITIVE_INFINITY;
    const now = this.#clock.now();
    return { token, ttlSeconds, renewAtMs: now + ttlSeconds * 500, endsAtMs: now + ttlSeconds * 1000 };
  }
}
