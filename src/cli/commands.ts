/** The table of commands: one line each, loaded only when it is called. */
import type { Command } from "./command.js";

export interface CommandEntry {
  /** For the list in `kes --help`. */
  readonly summary: string;
  readonly load: () => Promise<Command>;
}

/** By name; of a command of two words (`key create`) the first is its group. */
export type CommandTable = Readonly<Record<string, CommandEntry>>;

export const commands: CommandTable = {
  init: {
    summary: "Create keys, certificates and a configuration to start with",
    load: async () => (await import("./commands/init.js")).initCommand,
  },
  server: {
    summary: "Run a key server",
    load: async () => (await import("./commands/server.js")).serverCommand,
  },
  "server probe": {
    summary: "Ask whether a server is alive or ready, without a certificate",
    load: async () => (await import("./commands/server-probe.js")).serverProbeCommand,
  },
  "server reload": {
    summary: "Have servers read their configuration again",
    load: async () => (await import("./commands/server-reload.js")).serverReloadCommand,
  },
  doctor: {
    summary: "Find out what is wrong with a server or its set-up, and what mends it",
    load: async () => (await import("./commands/doctor.js")).doctorCommand,
  },
  start: {
    summary: "Initialise if needed, then start a server and show how to use it",
    load: async () => (await import("./commands/start.js")).startCommand,
  },
  ls: {
    summary: "List keys, identities or policies",
    load: async () => (await import("./commands/ls.js")).lsCommand,
  },
  "key create": {
    summary: "Create keys",
    load: async () => (await import("./commands/key-create.js")).keyCreateCommand,
  },
  "key import": {
    summary: "Import a key made elsewhere",
    load: async () => (await import("./commands/key-import.js")).keyImportCommand,
  },
  "key info": {
    summary: "Show when and by whom a key was created",
    load: async () => (await import("./commands/key-info.js")).keyInfoCommand,
  },
  "key ls": {
    summary: "List keys",
    load: async () => (await import("./commands/key-ls.js")).keyLsCommand,
  },
  "key rm": {
    summary: "Delete keys",
    load: async () => (await import("./commands/key-rm.js")).keyRmCommand,
  },
  "key encrypt": {
    summary: "Encrypt a short message",
    load: async () => (await import("./commands/key-encrypt.js")).keyEncryptCommand,
  },
  "key decrypt": {
    summary: "Decrypt a ciphertext",
    load: async () => (await import("./commands/key-decrypt.js")).keyDecryptCommand,
  },
  "key encrypt-file": {
    summary: "Encrypt a file of any size",
    load: async () => (await import("./commands/key-encrypt-file.js")).keyEncryptFileCommand,
  },
  "key decrypt-file": {
    summary: "Decrypt what encrypt-file made",
    load: async () => (await import("./commands/key-decrypt-file.js")).keyDecryptFileCommand,
  },
  "key dek": {
    summary: "Make a data key, in plaintext and encrypted",
    load: async () => (await import("./commands/key-dek.js")).keyDekCommand,
  },
  "key hmac": {
    summary: "Compute the HMAC of a message",
    load: async () => (await import("./commands/key-hmac.js")).keyHmacCommand,
  },
  "policy check": {
    summary: "Find mistakes in policies and configurations",
    load: async () => (await import("./commands/policy-check.js")).policyCheckCommand,
  },
  "policy explain": {
    summary: "Say whether a request is allowed, why, and what would change it",
    load: async () => (await import("./commands/policy-explain.js")).policyExplainCommand,
  },
  "policy for": {
    summary: "Write the least policy that a MinIO server needs",
    load: async () => (await import("./commands/policy-for.js")).policyForCommand,
  },
  "policy ls": {
    summary: "List policies",
    load: async () => (await import("./commands/policy-ls.js")).policyLsCommand,
  },
  "policy info": {
    summary: "Show when and by whom a policy was made",
    load: async () => (await import("./commands/policy-info.js")).policyInfoCommand,
  },
  "policy show": {
    summary: "Show the rules of a policy",
    load: async () => (await import("./commands/policy-show.js")).policyShowCommand,
  },
  identity: {
    summary: "Make an API key, or show the identity of a key or certificate",
    load: async () => (await import("./commands/identity.js")).identityCommand,
  },
  "identity new": {
    summary: "Make an API key, and with it a private key and certificate",
    load: async () => (await import("./commands/identity-new.js")).identityNewCommand,
  },
  "identity of": {
    summary: "Compute the identity of an API key or certificate",
    load: async () => (await import("./commands/identity-of.js")).identityOfCommand,
  },
  "identity info": {
    summary: "Show role and policy of an identity, or of the caller itself",
    load: async () => (await import("./commands/identity-info.js")).identityInfoCommand,
  },
  "identity ls": {
    summary: "List identities",
    load: async () => (await import("./commands/identity-ls.js")).identityLsCommand,
  },
  "identity renew": {
    summary: "Renew a certificate and keep its identity",
    load: async () => (await import("./commands/identity-renew.js")).identityRenewCommand,
  },
  status: {
    summary: "Show how servers are doing",
    load: async () => (await import("./commands/status.js")).statusCommand,
  },
  log: {
    summary: "Follow the audit or the error log",
    load: async () => (await import("./commands/log.js")).logCommand,
  },
  "audit verify": {
    summary: "Find out whether an audit log is whole",
    load: async () => (await import("./commands/audit-verify.js")).auditVerifyCommand,
  },
  "audit show": {
    summary: "Show what an audit log holds",
    load: async () => (await import("./commands/audit-show.js")).auditShowCommand,
  },
  metric: {
    summary: "Follow the metrics of a server",
    load: async () => (await import("./commands/metric.js")).metricCommand,
  },
  top: {
    summary: "Watch requests, latency and errors live",
    load: async () => (await import("./commands/top.js")).topCommand,
  },
  "keystore check": {
    summary: "Try a key store out, and say what is missing",
    load: async () => (await import("./commands/keystore-check.js")).keystoreCheckCommand,
  },
  "keystore policy": {
    summary: "Write the least policy that a key store must give its log-in",
    load: async () => (await import("./commands/keystore-policy.js")).keystorePolicyCommand,
  },
  "keystore rewrap": {
    summary: "Bring stored keys to the newest version of the key store's own key",
    load: async () => (await import("./commands/keystore-rewrap.js")).keystoreRewrapCommand,
  },
  "keystore export": {
    summary: "Write all keys into an encrypted bundle",
    load: async () => (await import("./commands/keystore-export.js")).keystoreExportCommand,
  },
  "keystore import": {
    summary: "Restore the keys of a bundle into any key store",
    load: async () => (await import("./commands/keystore-import.js")).keystoreImportCommand,
  },
  "keystore drill": {
    summary: "Rehearse the restore of a bundle",
    load: async () => (await import("./commands/keystore-drill.js")).keystoreDrillCommand,
  },
  migrate: {
    summary: "Copy keys from one key store to another",
    load: async () => (await import("./commands/migrate.js")).migrateCommand,
  },
  completion: {
    summary: "Print a script that completes kes command lines in a shell",
    load: async () => (await import("./commands/completion.js")).completionCommand,
  },
  update: {
    summary: "Say how to update",
    load: async () => (await import("./commands/update.js")).updateCommand,
  },
  help: {
    summary: "Show the options and examples of a command",
    load: async () => (await import("./commands/help.js")).helpCommand,
  },
};
