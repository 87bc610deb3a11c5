/** The calls of Secrets Manager, their answers checked: what is not what was asked for is no answer. */
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  GetSecretValueCommand,
  ListSecretsCommand,
  ListSecretVersionIdsCommand,
} from "@aws-sdk/client-secrets-manager";
import type { KeyName } from "../../src/names.js";
import type { AwsCalls } from "./calls.js";
import { type Action, AwsFailure } from "./failure.js";
import { bytesOf, type StoredValue } from "./value.js";

/** One version of a secret. */
export interface SecretVersion {
  readonly versionId: string;
  readonly value: Uint8Array;
}

/** Which version is meant; without either the one labelled `AWSCURRENT`. */
export interface VersionChoice {
  readonly VersionId?: string;
  readonly VersionStage?: string;
}

/** What new secrets get besides their value. */
export interface SecretSettings {
  readonly kmsKey?: string;
  readonly tags?: Readonly<Record<string, string>>;
  /** 0: deleted at once and for good. */
  readonly recoveryWindowDays: number;
}

interface ReadOptions {
  readonly signal?: AbortSignal;
  readonly attempts?: number;
}

const PAGE_SIZE = 100;

/** @throws AwsFailure from each method; the signal's reason */
export class Secrets {
  readonly calls: AwsCalls;
  readonly #settings: SecretSettings;

  constructor(calls: AwsCalls, settings: SecretSettings) {
    this.calls = calls;
    this.#settings = settings;
  }

  get recoveryWindowDays(): number {
    return this.#settings.recoveryWindowDays;
  }

  async value(name: string, which: VersionChoice, options: ReadOptions): Promise<SecretVersion> {
    const { client } = this.calls;
    return this.calls.read(
      "GetSecretValue",
      async (send) => {
        const answer = await client.send(new GetSecretValueCommand({ SecretId: name, ...which }), send);
        expectName("GetSecretValue", answer.Name, name);
        return {
          versionId: expectText("GetSecretValue", answer.VersionId, "VersionId"),
          value: bytesOf(name, answer),
        };
      },
      options,
    );
  }

  /** Whether `name` can be asked for; what is there is not looked at. */
  async ask(name: string, options: ReadOptions): Promise<void> {
    const { client } = this.calls;
    await this.calls.read(
      "GetSecretValue",
      async (send) => {
        const answer = await client.send(new GetSecretValueCommand({ SecretId: name }), send);
        expectText("GetSecretValue", answer.Name, "Name");
      },
      options,
    );
  }

  /** One attempt. A second one with the same `versionId` and value changes nothing. */
  async create(name: KeyName, stored: StoredValue, versionId: string): Promise<void> {
    const { client } = this.calls;
    const { kmsKey, tags = {} } = this.#settings;
    const Tags = Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
    await this.calls.once("CreateSecret", async (send) => {
      const answer = await client.send(
        new CreateSecretCommand({
          Name: name,
          ...stored,
          ClientRequestToken: versionId,
          ...(kmsKey === undefined ? {} : { KmsKeyId: kmsKey }),
          ...(Tags.length === 0 ? {} : { Tags }),
        }),
        send,
      );
      expectName("CreateSecret", answer.Name, name);
    });
  }

  /** One attempt. */
  async delete(name: KeyName): Promise<void> {
    const { client } = this.calls;
    const days = this.#settings.recoveryWindowDays;
    const way = days === 0 ? { ForceDeleteWithoutRecovery: true } : { RecoveryWindowInDays: days };
    await this.calls.once("DeleteSecret", async (send) => {
      const answer = await client.send(new DeleteSecretCommand({ SecretId: name, ...way }), send);
      expectName("DeleteSecret", answer.Name, name);
    });
  }

  /** Up to 100 names that begin with `prefix`, in no order that can be relied upon. */
  async page(
    prefix: string,
    token: string | undefined,
    options: ReadOptions,
  ): Promise<{ names: readonly string[]; next?: string }> {
    const { client } = this.calls;
    return this.calls.read(
      "ListSecrets",
      async (send) => {
        const answer = await client.send(
          new ListSecretsCommand({
            MaxResults: PAGE_SIZE,
            // The oldest first, so that what is created meanwhile comes last.
            SortOrder: "asc",
            ...(prefix === "" ? {} : { Filters: [{ Key: "name", Values: [prefix] }] }),
            ...(token === undefined ? {} : { NextToken: token }),
          }),
          send,
        );
        if (answer.SecretList === undefined) throw unlike("ListSecrets", "SecretList");
        const names = answer.SecretList.filter((entry) => entry.DeletedDate === undefined)
          .map((entry) => entry.Name)
          .filter((name) => name !== undefined);
        return { names, ...(answer.NextToken ? { next: answer.NextToken } : {}) };
      },
      options,
    );
  }

  /** The ids of the versions that AWS still has, labelled or not; the first 100. */
  async versionIds(name: KeyName, options: ReadOptions): Promise<readonly string[]> {
    const { client } = this.calls;
    return this.calls.read(
      "ListSecretVersionIds",
      async (send) => {
        const answer = await client.send(
          new ListSecretVersionIdsCommand({
            SecretId: name,
            IncludeDeprecated: true,
            MaxResults: PAGE_SIZE,
          }),
          send,
        );
        if (answer.Versions === undefined) throw unlike("ListSecretVersionIds", "Versions");
        return answer.Versions.map((version) => version.VersionId).filter((id) => id !== undefined);
      },
      options,
    );
  }
}

function expectText(action: Action, value: string | undefined, member: string): string {
  if (value) return value;
  throw unlike(action, member);
}

/** The answer to another question must never pass for a key. */
function expectName(action: Action, answered: string | undefined, asked: string): void {
  if (answered !== asked) throw unlike(action, "Name");
}

function unlike(action: Action, member: string): AwsFailure {
  return new AwsFailure(
    "broken",
    `aws: ${action}: the answer is not that of Secrets Manager (${member}): check 'endpoint' and proxies between`,
  );
}
