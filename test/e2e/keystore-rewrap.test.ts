/** `kes keystore rewrap` as a process, against OpenBao and a key folder. */
import { readFile } from "node:fs/promises";
import { expect } from "chai";
import { RunningProcess } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { FaultProxy } from "../support/fault-proxy.js";
import { KeystoreSite } from "../support/keystore-site.js";
import { requireService } from "../support/services/index.js";
import { Vault } from "../support/vault.js";

const KEYS = 60;
/** Keys that are rewrapped before an interruption. */
const STOP_AFTER = 20;

describe("kes keystore rewrap", function () {
  this.timeout(120_000);
  const cleanUp = new CleanUp();
  let site: KeystoreSite;
  let vault: Vault;
  let proxy: FaultProxy;
  let folder: string;
  let next = 0;

  before(async function () {
    const program = requireService(this, "bao");
    site = await KeystoreSite.make();
    cleanUp.add(() => site.remove());
    vault = await Vault.start(program, site.path("bao"));
    cleanUp.add(() => vault.stop());
    proxy = await FaultProxy.start(vault.url);
    cleanUp.add(() => proxy.stop());
    await vault.call("POST", "sys/mounts/transit", { type: "transit" });
    folder = await site.fs("folder");
    await site.fill("folder", KEYS);
  });
  afterEach(() => {
    proxy.script = () => undefined;
  });
  after(() => cleanUp.run());

  interface Place {
    readonly file: string;
    readonly engine: string;
    readonly options: object;
  }

  /** An engine and a transit key of their own, with the keys of the folder; then the transit key is rotated. */
  async function rotated(): Promise<Place> {
    const engine = `kv-${next++}`;
    await vault.mountKv(engine, "2");
    await vault.call("POST", `transit/keys/${engine}`, {});
    const options = { endpoint: proxy.url, version: "v2", engine, prefix: "p", transit: { key: engine } };
    const file = await config({ ...options, token: vault.rootToken });
    const copied = await site.kes(["migrate", "--from", folder, "--to", file]);
    expect(copied.code, copied.stderr).to.equal(0);
    await vault.call("POST", `transit/keys/${engine}/rotate`);
    return { file, engine, options };
  }

  const config = (vaultOptions: object) => site.config(`vault-${next++}`, { vault: vaultOptions });

  async function withPolicy({ options }: Place, lines: readonly string[]): Promise<string> {
    const approle = await vault.appRole(`role-${next++}`, lines.join("\n"));
    return config({ ...options, approle });
  }

  async function rewrap(file: string, ...flags: string[]) {
    const { code, stdout, stderr } = await site.kes(["keystore", "rewrap", file, "--json", ...flags]);
    expect(stdout, stderr).to.match(/^\{/);
    return { code, stderr, report: JSON.parse(stdout) };
  }

  async function expectSame({ file, engine }: Place): Promise<void> {
    const policy = { min_decryption_version: 2 };
    await vault.call("POST", `transit/keys/${engine}/config`, policy);
    const { code, stdout } = await site.kes(["migrate", "--from", folder, "--to", file, "--verify-only"]);
    expect(code, stdout).to.equal(0);
  }

  it("brings every key to the newest version; the old one is then needed no more", async () => {
    const place = await rotated();
    const planned = await site.kes(["keystore", "rewrap", place.file, "--dry-run"]);
    expect(planned.stdout).to.equal(
      `Would rewrap ${String(KEYS).padStart(6)} keys; 0 at the newest version already, 0 failed\n`,
    );
    const some = await rewrap(place.file, "key-0000*");
    expect(some.report).to.include({ rewrapped: 10, current: 0, complete: true, mode: "rewrap" });
    const { code, report } = await rewrap(place.file);
    expect(code).to.equal(0);
    expect(report).to.include({ rewrapped: KEYS - 10, current: 10, not_encrypted: 0, deleted_meanwhile: 0 });
    await expectSame(place);
  });

  it("goes on where it was interrupted", async () => {
    const place = await rotated();
    let writes = 0;
    // The others wait, so that it cannot have ended before it is interrupted.
    proxy.script = (method, path) =>
      isWrite(`${method} ${path}`, place) && ++writes > STOP_AFTER ? "hang" : undefined;
    const isUnderWay = async () => writes > STOP_AFTER;
    const running = await RunningProcess.start(
      [...site.program, "keystore", "rewrap", place.file],
      isUnderWay,
      { cwd: site.folder },
    );
    running.signal("SIGINT");
    expect(await running.ended, running.output).to.equal(1);
    expect(running.stderr).to.include("interrupted: nothing is half-done");
    proxy.script = () => undefined;
    const { code, report } = await rewrap(place.file);
    expect(code).to.equal(0);
    expect(report.current).to.be.within(STOP_AFTER, KEYS - 1);
    expect(report.rewrapped + report.current).to.equal(KEYS);
    await expectSame(place);
  });

  it("runs twice at once", async () => {
    const place = await rotated();
    const both = await Promise.all([rewrap(place.file), rewrap(place.file)]);
    expect(both.map(({ code }) => code)).to.deep.equal([0, 0]);
    expect(both[0].report.rewrapped + both[1].report.rewrapped).to.equal(KEYS);
    await expectSame(place);
  });

  it("tells keys that failed, and does the others", async () => {
    const place = await rotated();
    await vault.call("DELETE", `${place.engine}/data/p/key-00007`);
    const { code, stdout, stderr } = await site.kes(["keystore", "rewrap", place.file]);
    expect(code).to.equal(1);
    expect(stdout).to.match(/^Rewrapped +59 keys; 0 at the newest version already, 1 failed\n$/);
    expect(stderr).to.match(/key "key-00007" failed: .*undelete -versions=1/);
  });

  it("works with the policy of the adapter's README, and names each line of it that is missing", async () => {
    const place = await rotated();
    const lines = await readmePolicy(place);
    expect(lines).to.have.length(6);
    // Missing while something is left to do, and each is needed.
    for (const missing of lines.filter((line) => !/"list"\] }$|decrypt/.test(line))) {
      const rest = lines.filter((line) => line !== missing);
      const path = /^path "([^"]+)"/.exec(missing)?.[1];
      const file = await withPolicy(place, missing.includes("update") ? rest.concat(reading(missing)) : rest);
      const { code, stderr, report } = await rewrap(file);
      expect(code, missing).to.equal(1);
      expect(report, missing).to.include({ complete: false, rewrapped: 0 });
      expect(stderr).to.include(`missing in the policy of the log-in: path "${path}"`);
    }
    const { code, report, stderr } = await rewrap(await withPolicy(place, lines));
    expect(code, stderr).to.equal(0);
    expect(report.rewrapped).to.equal(KEYS);
    await expectSame(place);
  });

  it("says that a key store has nothing of that kind", async () => {
    const none = await site.kes(["keystore", "rewrap", folder]);
    expect(none.code).to.equal(1);
    expect(none.stdout).to.equal("");
    expect(none.stderr).to.match(/^Error: the key store of .*\(fs\) encrypts keys with no key of its own/);
  });
});

function isWrite(line: string, { engine }: { readonly engine: string }): boolean {
  return line.startsWith(`POST /v1/${engine}/data/`);
}

/** The line without `update`, where it also allows to read. */
function reading(line: string): readonly string[] {
  return line.includes('"read"') ? [line.replace(', "update"', "")] : [];
}

/** The policy that the README shows for this command, for another engine and transit key. */
async function readmePolicy({ engine }: { readonly engine: string }): Promise<readonly string[]> {
  const text = await readFile(new URL("../../keystores/vault/README.md", import.meta.url), "utf8");
  const [, after = ""] = text.split("`kes keystore rewrap CONFIG` needs");
  const [, block = ""] = after.split("```");
  return block
    .split("\n")
    .filter((line) => line.startsWith("path "))
    .map((line) =>
      line
        .replace('"kv/', `"${engine}/`)
        .replace("/keswick", "/p")
        .replace("KEY", engine)
        .replace(/ +\{/, " {"),
    );
}
