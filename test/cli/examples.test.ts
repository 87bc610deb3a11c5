/** Every example that a command's help shows is run against a real server, and ends as it should. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { Context } from "mocha";
import { commands } from "../../src/cli/commands.js";
import { isKesError, KesClient } from "../../src/client/index.js";
import { HealthListener } from "../../src/server/health-listener.js";
import { type BuiltCli, builtCli } from "../support/built-cli.js";
import { RunningProcess, runOk } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { requireService } from "../support/services/index.js";
import { SessionSite } from "../support/session-site.js";
import { type Checkout, makeCheckout } from "../support/started-site.js";
import { Vault } from "../support/vault.js";

/** Examples that go on until Ctrl-C, and what each has printed before, or the route that it has called. */
const ENDLESS: Readonly<Record<string, RegExp | string>> = {
  "kes start": /^=> Server is up and running/m,
  "kes start --addr 127.0.0.1:7373": /^=> Server is up and running/m,
  "kes server --config kes-config.yml": /^=> Server is up and running/m,
  "kes server --dev --addr 127.0.0.1:7373": /^=> Server is up and running/m,
  "kes log --status '>=400'": / 404 /,
  "kes log --path '/v1/key/create/*,/v1/key/delete/*' --json": /^\{.*\/v1\/key\/(?:create|delete)\//m,
  // A healthy server has nothing to tell there.
  "kes log --error": "/v1/log/error",
  "kes metric": /^\{"kes_http_request_success":/m,
  "kes top": /^time=/m,
};

/** Examples that answer with another exit code than 0, as the description of their command says. */
const OTHER_CODES: Readonly<Record<string, number>> = {
  "kes update": 1,
  "kes policy explain --path /v1/key/delete/my-key policies/minio.yml --exit-code": 3,
};

const KEYS = ["my-key", "my-other-key"];
/** Examples that make these keys, so that they must not be there before. */
const MAKES_KEYS = /kes key (?:create|import) /;

const FILES =
  "rm -f *.kes; mkdir -p documents; echo text >documents/a; head -c 100000 /dev/urandom >backup.tar";
const PAIRS = "rm -f client.* server.* new.crt; unset MINIO_KES_API_KEY";
/** Configurations with two key folders and one with Vault, of which the first folder holds keys. */
const KEYSTORES = `rm -rf old new; mkdir -m 700 old new
  for name in old new; do
    printf 'admin: {identity: disabled}\ntls: {key: a, cert: b}\nkeystore: {fs: {path: %s}}\n' $name >$name.yml
  done
  printf 'admin: {identity: disabled}\ntls: {key: a, cert: b}\nkeystore: {vault: {endpoint: https://vault, token: t}}\n' >vault.yml
  kes migrate --from kes-config.yml --to old.yml >/dev/null`;
/** A configuration with a real Vault that holds a key, of before the transit key was rotated. */
const VAULT = `printf 'admin: {identity: disabled}\\ntls: {key: a, cert: b}\\nkeystore: {vault: {endpoint: "%s", token: "%s", \
    engine: keys, version: v2, transit: {key: kes}}}\\n' "$vault" "$vault_token" >vault.yml
  kes migrate my-key --from kes-config.yml --to vault.yml >/dev/null
  curl -sSf -X POST -H "X-Vault-Token: $vault_token" "$vault/v1/transit/keys/kes/rotate" >/dev/null`;
/** Bundles, one with a passphrase and one for a recipient. */
const BUNDLES = `umask 077; rm -f *.kesbundle; echo correct horse battery >passphrase.txt
  openssl genpkey -algorithm X25519 -out backup.key && openssl pkey -in backup.key -pubout -out backup.pub`;
/** What an example finds in its folder. */
const PREPARATIONS: readonly [example: RegExp, script: string][] = [
  [/message\.txt/, "printf 'Hello World' >message.txt"],
  [/my-key\.base64/, "umask 077; openssl rand -base64 32 >my-key.base64"],
  [/encrypt-file/, FILES],
  [
    /decrypt-file/,
    `${FILES}; kes key encrypt-file my-key backup.tar backup.tar.kes && rm backup.tar &&
    tar -c documents | kes key encrypt-file my-key - documents.tar.kes`,
  ],
  [/kes migrate|keystore (?:policy|import)/, KEYSTORES],
  [/keystore rewrap/, VAULT],
  [/verify-only/, "kes migrate --from old.yml --to new.yml >/dev/null"],
  [/kesbundle/, BUNDLES],
  [
    /keystore (?:import|drill)/,
    `kes keystore export kes-config.yml keys.kesbundle --passphrase-file passphrase.txt >/dev/null &&
    kes keystore export kes-config.yml backup.kesbundle --recipient backup.pub >/dev/null`,
  ],
  [/identity new/, PAIRS],
  [/^kes audit /, `cp "${join(import.meta.dirname, "../vectors/audit")}"/audit.* .`],
  [
    /^(?!kes identity new).*(?:client|server)\.(?:crt|key)/,
    `${PAIRS}; for name in client server; do
      kes identity new --key $name.key --cert $name.crt $name >/dev/null || exit 1
    done`,
  ],
];

describe("examples of the commands' help", function () {
  this.timeout(60_000);
  const cleanUp = new CleanUp();
  const called = new Set<string>();
  let cli: BuiltCli;
  let site: SessionSite;
  let client: KesClient;
  /** Address of a health listener. */
  let health: string;
  /** Where a server of the example's own runs. */
  let other: Checkout;

  before(async function () {
    for (const tool of ["jq", "openssl"] as const) requireService(this, tool);
    cli = await builtCli();
    site = await SessionSite.start();
    cleanUp.add(() => site.stop());
    other = await makeCheckout([process.execPath, cli.main]);
    cleanUp.add(() => other.remove());
    const config = join(other.folder, "kes-config.yml");
    await writeFile(config, anyPort(await readFile(config, "utf8")));
    await runOk([process.execPath, cli.main, "init"], { cwd: other.folder });
    client = new KesClient({
      endpoints: `127.0.0.1:${site.env.port}`,
      certificate: site.env.MINIO_KES_CERT_FILE ?? "",
      key: site.env.MINIO_KES_KEY_FILE ?? "",
      ca: site.env.MINIO_KES_CAPATH ?? "",
    });
    cleanUp.add(() => client.close());
    const listener = new HealthListener({ ready: async () => true, warn: () => undefined });
    health = `127.0.0.1:${(await listener.listen("127.0.0.1", 0)).port}`;
    cleanUp.add(async () => listener.close());
    const stop = new AbortController();
    const running = [keepBusy(stop.signal), listen(stop.signal)];
    cleanUp.add(async () => {
      stop.abort();
      await Promise.all(running);
    });
  });
  after(() => cleanUp.run());

  for (const [name, { load }] of Object.entries(commands)) {
    it(`kes ${name} shows examples that work`, async function () {
      const vault = name === "keystore rewrap" ? await startVault(this) : {};
      const { examples, options } = (await load()).info;
      expect(examples.length).to.be.greaterThan(0);
      // What works without a server may show a key of its own.
      const apiKey = (await runOk([process.execPath, cli.main, "identity"])).trim();
      await site.forget({ ...vault, ...("api-key" in options ? {} : { MINIO_KES_API_KEY: apiKey }) });
      for (const example of examples) await play(example);
    });
  }

  it("are all there that are made an exception of", async () => {
    const infos = await Promise.all(Object.values(commands).map(async ({ load }) => (await load()).info));
    const all = infos.flatMap(({ examples }) => examples);
    expect(all).to.include.members([...Object.keys(ENDLESS), ...Object.keys(OTHER_CODES)]);
  });

  /** @returns variables that say where it is */
  async function startVault(context: Context): Promise<{ vault: string; vault_token: string }> {
    requireService(context, "curl");
    const vault = await Vault.start(requireService(context, "bao"), join(site.folder, "bao"));
    cleanUp.add(() => vault.stop());
    await vault.mountKv("keys", "2");
    await vault.call("POST", "sys/mounts/transit", { type: "transit" });
    await vault.call("POST", "transit/keys/kes", {});
    return { vault: vault.url, vault_token: vault.rootToken };
  }

  async function play(example: string): Promise<void> {
    await setKeys(!MAKES_KEYS.test(example));
    for (const [which, script] of PREPARATIONS) {
      if (!which.test(example)) continue;
      const { code, streams } = await site.run(`( ${script}\n)`);
      expect(code, JSON.stringify(streams)).to.equal(0);
    }
    // An identity of the documents stands for one that the server knows.
    const line = anyPort(example.replace("--server 127.0.0.1:7373", `--server 127.0.0.1:${site.env.port}`))
      .replace("127.0.0.1:7374", health)
      .replace(/\b[0-9a-f]{64}\b/, site.env.client ?? "");
    const sign = ENDLESS[example];
    if (sign !== undefined) return watch(line, sign);
    const { code, streams } = await site.run(line);
    const shown = `${example}\n${streams.map(([, text]) => text).join("")}`;
    expect(code, shown).to.equal(OTHER_CODES[example] ?? 0);
    if (code === 0) expect(shown).not.to.include("Error:");
  }

  /** Runs an endless example until it has shown what it should, then presses Ctrl-C. */
  async function watch(line: string, sign: RegExp | string): Promise<void> {
    const isServer = /^kes (?:start|server) ?/.test(line);
    const cwd = isServer ? other.folder : site.folder;
    if (typeof sign === "string") called.delete(sign);
    const isSeen = async (running: RunningProcess): Promise<boolean> =>
      typeof sign === "string" ? called.has(sign) : sign.test(running.stdout);
    const running = await RunningProcess.start(["sh", "-c", `exec ${line}`], isSeen, { cwd, env: site.env });
    running.signal("SIGINT");
    // A server that is stopped has done its work; a call that is ended has not.
    expect(await running.ended, running.output).to.equal(isServer ? 0 : 1);
    expect(running.stderr).not.to.include("Error:");
  }

  async function setKeys(wanted: boolean): Promise<void> {
    for (const key of KEYS) {
      await (wanted ? client.createKey(key) : client.deleteKey(key)).catch((error: unknown) => {
        if (!isKesError(error, wanted ? "KEY_EXISTS" : "KEY_NOT_FOUND")) throw error;
      });
    }
  }

  /** Something has to happen on the server for those who watch it. */
  async function keepBusy(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await client.createKey("busy");
      await client.deleteKey("busy");
      await client.describeKey("busy").catch(() => undefined);
      await delay(50);
    }
  }

  async function listen(signal: AbortSignal): Promise<void> {
    try {
      for await (const { request } of client.auditLog({ signal })) called.add(request.path);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
});

/** Nobody says that the usual port is free here. */
function anyPort(text: string): string {
  return text.replaceAll("127.0.0.1:7373", "127.0.0.1:0");
}
