/** What answers say, member by member: those of today's servers, and of the older ones where they differ. */
import { parseAlgorithm } from "../crypto/algorithm.js";
import { invalid, jsonOf, Members } from "./members.js";
import type { ApiReply } from "./transport.js";
import type {
  ApiInfo,
  Dek,
  IdentityInfo,
  KeyInfo,
  PolicyDocument,
  PolicyInfo,
  PolicyRules,
  SelfInfo,
  ServerStatus,
  VersionInfo,
} from "./types.js";

/** Bytes of a data key and of an HMAC. */
const DEK_BYTES = 32;
/** What every AEAD adds at least; a shorter "ciphertext" is none. */
export const MIN_OVERHEAD_BYTES = 16;
/** A status beyond this many milliseconds of latency is in nanoseconds: no server waits that long. */
const MAX_LATENCY_MS = 60_000;
/** An uptime beyond this many seconds, 31 years, is in nanoseconds. */
const MAX_UPTIME_SECONDS = 1e9;

export function versionOf(reply: ApiReply): VersionInfo {
  const members = Members.of(reply);
  return { version: members.text("version"), commit: members.text("commit", "") };
}

/** Servers before v0.19 send less; what is missing reads as nothing. */
export function statusOf(reply: ApiReply): ServerStatus {
  const members = Members.of(reply);
  const uptime = members.count("uptime");
  const latency = members.count("keystore_latency", 0);
  const unreachable = members.flag("keystore_unreachable");
  return {
    version: members.text("version"),
    os: members.text("os", ""),
    arch: members.text("arch", ""),
    // Nanoseconds from servers before 2023-11.
    uptimeSeconds: uptime < MAX_UPTIME_SECONDS ? uptime : Math.round(uptime / 1e9),
    cpus: members.count("num_cpu", 0),
    usableCpus: members.count("num_cpu_used", 0),
    heapUsedBytes: members.count("mem_heap_used", 0),
    stackUsedBytes: members.count("mem_stack_used", 0),
    ...(members.value("keystore_latency") === undefined
      ? {}
      : { keystoreLatencyMs: latency <= MAX_LATENCY_MS ? latency : latency / 1e6 }),
    keystoreUnreachable: unreachable,
    // Servers of 2024 and later send the one flag alone.
    keystoreUnavailable: unreachable || members.flag("keystore_unavailable"),
    certificates: list(members.value("certificates") ?? [], reply.endpoint).map((item) => ({
      use: item.text("use"),
      identity: item.text("identity"),
      expiresAt: item.time("expires_at"),
    })),
    endpoint: reply.endpoint,
    latencyMs: reply.elapsedMs,
    raw: members.raw,
  };
}

export function apisOf(reply: ApiReply): ApiInfo[] {
  return list(jsonOf(reply), reply.endpoint).map((item) => ({
    method: item.text("method"),
    path: item.text("path"),
    maxBodyBytes: item.count("max_body"),
    timeoutSeconds: item.count("timeout"),
  }));
}

/** @param name - the key that was asked for */
export function keyInfoOf(reply: ApiReply, name: string): KeyInfo {
  const members = Members.of(reply);
  if (members.text("name", name) !== name) throw members.invalid("it is about another key");
  const id = members.text("id", "");
  const algorithm = members.text("algorithm", "") || "AES256";
  return {
    name,
    ...(id === "" ? {} : { id }),
    // Its older alias where the server sends that; what is not known here is shown as it came.
    algorithm: parseAlgorithm(algorithm) ?? algorithm,
    createdAt: members.time("created_at"),
    createdBy: members.text("created_by", ""),
  };
}

export function dekOf(members: Members): Dek {
  return {
    plaintext: members.bytes("plaintext", { exactly: DEK_BYTES }),
    ciphertext: members.bytes("ciphertext", { atLeast: DEK_BYTES + MIN_OVERHEAD_BYTES }),
  };
}

/** @param plaintextBytes - size of what was encrypted; a shorter ciphertext cannot hold it */
export function ciphertextOf(reply: ApiReply, plaintextBytes: number): Buffer {
  return Members.of(reply).bytes("ciphertext", { atLeast: plaintextBytes + MIN_OVERHEAD_BYTES });
}

/** Empty for a plaintext of zero bytes; a server that leaves it out is an error. */
export function plaintextOf(members: Members): Buffer {
  return members.bytes("plaintext");
}

export function hmacOf(reply: ApiReply): Buffer {
  return Members.of(reply).bytes("hmac", { exactly: DEK_BYTES });
}

/** @param count - how many were asked for */
export function listOf(reply: ApiReply, count: number): Members[] {
  const items = list(jsonOf(reply), reply.endpoint);
  if (items.length !== count)
    throw invalid(reply.endpoint, `it has ${items.length} items instead of ${count}`);
  return items;
}

export function policyInfoOf(reply: ApiReply, name: string): PolicyInfo {
  const members = Members.of(reply);
  if (members.text("name", name) !== name) throw members.invalid("it is about another policy");
  return { name, ...originOf(members) };
}

export function policyOf(reply: ApiReply, name: string): PolicyDocument {
  return { ...policyInfoOf(reply, name), ...rulesOf(Members.of(reply)) };
}

export function identityInfoOf(reply: ApiReply, identity: string): IdentityInfo {
  const members = Members.of(reply);
  if (members.text("identity", identity) !== identity) throw members.invalid("it is about another identity");
  const policy = members.text("policy", "");
  return {
    identity,
    isAdmin: members.flag("admin"),
    ...(policy === "" ? {} : { policy }),
    ...originOf(members),
  };
}

export function selfInfoOf(reply: ApiReply): SelfInfo {
  const members = Members.of(reply);
  const sent = members.value("policy");
  // Some servers of 2024 nest the policy with its rules.
  const nested = typeof sent === "object" ? new Members(sent, reply.endpoint) : undefined;
  const policy = nested?.text("name") ?? members.text("policy", "");
  return {
    identity: members.text("identity"),
    isAdmin: members.flag("admin"),
    ...(policy === "" ? {} : { policy }),
    ...originOf(members),
    ...rulesOf(nested ?? members),
  };
}

function originOf(members: Members): { createdAt: string; createdBy: string } {
  return { createdAt: members.time("created_at", ""), createdBy: members.text("created_by", "") };
}

function rulesOf(members: Members): PolicyRules {
  return { allow: members.patterns("allow"), deny: members.patterns("deny") };
}

function list(value: unknown, endpoint: string): Members[] {
  if (!Array.isArray(value)) throw invalid(endpoint, "it is no JSON list");
  return value.map((item: unknown) => new Members(item, endpoint));
}
