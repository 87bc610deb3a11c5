/**
 * Keystores as KES lays them out, written and read by `test/support/kes_layout.py`, which has nothing of our code: its
 * keys are served, and it finds the keys that our server creates.
 */
import { createDecipheriv, createHmac } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { KesClient } from "../../src/client/index.js";
import { isKesError } from "../../src/errors.js";
import { runOk } from "../support/child-process.js";
import { CleanUp } from "../support/clean-up.js";
import { type CliSite, makeCliSite, startCliServer } from "../support/cli-site.js";
import { CREDENTIALS, Moto, REGION } from "../support/moto.js";
import { requireService } from "../support/services/index.js";
import { Vault } from "../support/vault.js";

const script = fileURLToPath(new URL("../support/kes_layout.py", import.meta.url));
const vectors = new URL("../vectors/", import.meta.url);
const CREATOR = "3ecfcdf38fcbe141ae26a1030f81e96b753365a46760ae6b578698a97c59fd22";
const ZERO_KEY = Buffer.alloc(32).toString("base64");
/** 00 01 … 1f, the key of kes-seal.json. */
const SEAL_KEY = Buffer.from(Array.from({ length: 32 }, (_, i) => i)).toString("base64");
/** 20 21 … 3f, the key of hmac.json. */
const HMAC_KEY = Buffer.from(Array.from({ length: 32 }, (_, i) => i + 32)).toString("base64");
const MESSAGE = Buffer.from("root access key");
const NEW_KEYS = ["made-by-us", "_made_by_us-2"];

/** A key as the script takes it, and what the server must say of it. */
interface StoredKey {
  readonly written: Readonly<Record<string, unknown>> & { readonly name: string };
  readonly algorithm: "AES256" | "ChaCha20";
  readonly createdAt: string;
  readonly createdBy: string;
  readonly hasHmac: boolean;
  /** File and id of a ciphertext under the key, made elsewhere. */
  readonly vector: readonly [file: "kes-open" | "kes-seal", id: string];
}

const storedKeys: readonly StoredKey[] = [
  {
    written: {
      ...{ name: "current-aes", form: "protobuf", key: SEAL_KEY, type: 1, hmac_key: HMAC_KEY },
      ...{ seconds: 1_709_194_092, nanos: 0, created_by: CREATOR },
    },
    ...{ algorithm: "AES256", createdAt: "2024-02-29T08:08:12Z", createdBy: CREATOR, hasHmac: true },
    vector: ["kes-seal", "AES256 with context"],
  },
  {
    written: {
      ...{ name: "Current_ChaCha", form: "protobuf", key: SEAL_KEY, type: 2, hmac_key: HMAC_KEY },
      // Kept from before transit was configured, where it is.
      ...{ seconds: 1_705_055_960, nanos: 886_816_000, plain: true },
    },
    ...{ algorithm: "ChaCha20", createdAt: "2024-01-12T10:39:20.886816Z", createdBy: "", hasHmac: true },
    vector: ["kes-seal", "ChaCha20 with context"],
  },
  {
    written: { name: "legacy-bytes", form: "json", document: { bytes: ZERO_KEY } },
    ...{ algorithm: "AES256", createdAt: "0001-01-01T00:00:00Z", createdBy: "", hasHmac: false },
    vector: ["kes-open", "kes-0"],
  },
  {
    // The ciphertext names the other cipher: that of the processor that sealed it.
    written: { name: "legacy-bytes-chacha", form: "json", document: { bytes: ZERO_KEY } },
    ...{ algorithm: "AES256", createdAt: "0001-01-01T00:00:00Z", createdBy: "", hasHmac: false },
    vector: ["kes-open", "kes-1"],
  },
  {
    written: {
      ...{ name: "legacy-old-names", form: "json" },
      document: {
        ...{ bytes: ZERO_KEY, algorithm: "XCHACHA20-POLY1305" },
        ...{ created_at: "2009-11-10T23:00:00Z", created_by: CREATOR },
      },
    },
    ...{ algorithm: "ChaCha20", createdAt: "2009-11-10T23:00:00Z", createdBy: CREATOR, hasHmac: false },
    vector: ["kes-open", "kes-4"],
  },
  {
    written: {
      ...{ name: "legacy-full", form: "json" },
      document: {
        ...{ version: "v1", bytes: SEAL_KEY, algorithm: "AES256" },
        ...{ created_at: "2023-10-03T00:48:37.123456789Z", created_by: CREATOR },
      },
    },
    ...{ algorithm: "AES256", createdAt: "2023-10-03T00:48:37.123456789Z", createdBy: CREATOR },
    hasHmac: false,
    vector: ["kes-seal", "AES256 legacy msgpack, old name"],
  },
];

/** A keystore, as our configuration and as the script name it. */
interface Place {
  readonly keystore: string;
  readonly store: Readonly<Record<string, unknown>> & { readonly kind: string };
}

interface Found {
  readonly key: string;
  readonly type: number;
  readonly hmac: string;
  readonly seconds: number;
  readonly created_by: string;
  readonly stored: string;
}

describe("interop: keystores in KES's layout", function () {
  this.timeout(60_000);
  let python: string;

  before(function () {
    python = requireService(this, "python3");
  });

  layout("fs", async (_, site) => {
    const path = join(site.folder, "keys");
    return { keystore: `keystore:\n  fs:\n    path: ${path}\n`, store: { kind: "fs", path } };
  });

  layout("Vault, KV version 1", (context, _, cleanUp) =>
    vaultPlace(context, cleanUp, {
      ...{ engine: "kv", version: "v1", prefix: "" },
      more: "    v1:\n      allow_racy_create: true\n",
    }),
  );

  it("Vault, KV version 1, serves keys and creates none unless told so", async function () {
    const cleanUp = new CleanUp();
    try {
      const settings = { engine: "kv", version: "v1", prefix: "", more: "" } as const;
      const site = await newSite(cleanUp);
      const place = await vaultPlace(this, cleanUp, settings);
      await kes({ store: place.store, write: storedKeys.map(({ written }) => written) });
      const client = await serve(site, place, cleanUp);
      await servesAll(client);
      const outcome = await client.createKey("made-by-us").then(
        () => undefined,
        (error: unknown) => error,
      );
      expect(isKesError(outcome, "KEY_CREATE_FAILED"), String(outcome)).to.equal(true);
      const { names } = await kes({ store: place.store, read: [], message: "" });
      expect(names).to.deep.equal(storedKeys.map(({ written }) => written.name).sort());
    } finally {
      await cleanUp.run();
    }
  });

  layout("Vault, KV version 2 with a prefix", (context, _, cleanUp) =>
    vaultPlace(context, cleanUp, { engine: "secrets/kes", version: "v2", prefix: "minio/eu", more: "" }),
  );

  layout("Vault, KV version 2 with transit", (context, _, cleanUp) =>
    vaultPlace(context, cleanUp, {
      ...{ engine: "kv", version: "v2", prefix: "", transit: { engine: "transit", key: "kes" } },
      more: "    transit:\n      engine: transit\n      key: kes\n",
    }),
  );

  layout("AWS Secrets Manager", async (context, _, cleanUp) => {
    const moto = await Moto.start(requireService(context, "moto"), await newFolder(cleanUp));
    cleanUp.add(() => moto.stop());
    return {
      keystore:
        `keystore:\n  aws:\n    secretsmanager:\n      endpoint: ${moto.url}\n      region: ${REGION}\n` +
        `      credentials:\n        accesskey: ${CREDENTIALS.accesskey}\n        secretkey: ${CREDENTIALS.secretkey}\n`,
      store: { kind: "aws", endpoint: moto.url, region: REGION },
    };
  });

  function layout(
    title: string,
    prepare: (context: Mocha.Context, site: CliSite, cleanUp: CleanUp) => Promise<Place>,
  ): void {
    describe(title, () => {
      const cleanUp = new CleanUp();
      let site: CliSite;
      let place: Place;
      let client: KesClient;

      before(async function () {
        site = await newSite(cleanUp);
        place = await prepare(this, site, cleanUp);
        await kes({ store: place.store, write: storedKeys.map(({ written }) => written) });
        client = await serve(site, place, cleanUp);
      });

      after(() => cleanUp.run());

      it("keys that KES's layout holds are served", () => servesAll(client));

      it("keys that the server creates are found in KES's layout", async () => {
        const deks = new Map<string, { plaintext: Buffer; ciphertext: Buffer }>();
        const context = Buffer.from('{"bucket":"b"}');
        for (const name of NEW_KEYS) {
          await client.createKey(name);
          deks.set(name, await client.generateKey(name, { context }));
        }
        const request = { store: place.store, read: NEW_KEYS, message: MESSAGE.toString("base64") };
        const { names, keys } = await kes(request);
        const all = [...storedKeys.map(({ written }) => written.name), ...NEW_KEYS].sort();
        expect(names).to.deep.equal(all);
        for (const name of NEW_KEYS) {
          const found = keys[name];
          const dek = deks.get(name);
          if (found === undefined || dek === undefined) throw new Error(`${name} was not read`);
          expect(found.hmac).to.equal((await client.hmac(name, MESSAGE)).toString("base64"));
          expect(found.created_by).to.equal(site.admin.identity);
          const { createdAt, createdBy } = await client.describeKey(name);
          expect(Math.floor(Date.parse(createdAt) / 1000)).to.equal(found.seconds);
          expect(createdBy).to.equal(found.created_by);
          expect(found.type).to.equal(1);
          expect(openAsKes(Buffer.from(found.key, "base64"), dek.ciphertext, context)).to.deep.equal(
            dek.plaintext,
          );
          expect(found.stored.startsWith("vault:v1:")).to.equal("transit" in place.store);
        }
        expect(await listed(client)).to.deep.equal(all);
      });
    });
  }

  async function kes(request: object): Promise<{ names: string[]; keys: Record<string, Found> }> {
    return JSON.parse(await runOk([python, script], { input: JSON.stringify(request) }));
  }
});

async function servesAll(client: KesClient): Promise<void> {
  expect(await listed(client)).to.deep.equal(storedKeys.map(({ written }) => written.name).sort());
  for (const { written, algorithm, createdAt, createdBy, hasHmac, vector } of storedKeys) {
    const { name } = written;
    const info = await client.describeKey(name);
    const { ciphertext, plaintext, context } = await vectorOf(vector);
    expect(info).to.include({ name, algorithm, createdAt, createdBy });
    expect(await client.decrypt(name, ciphertext, { context }), name).to.deep.equal(plaintext);
    if (hasHmac) {
      const expected = createHmac("sha256", Buffer.from(HMAC_KEY, "base64")).update(MESSAGE).digest();
      expect(await client.hmac(name, MESSAGE), name).to.deep.equal(expected);
    } else {
      const refusal: unknown = await client.hmac(name, MESSAGE).catch((error: unknown) => error);
      expect(isKesError(refusal, "HMAC_UNSUPPORTED"), name).to.equal(true);
    }
  }
}

/**
 * AES-256-GCM as the KES server reference §9.2 describes a ciphertext of today, by Node.js's own crypto:
 * sealed, 16 bytes of tag, 16 of iv, 12 of nonce.
 */
function openAsKes(key: Buffer, ciphertext: Buffer, context: Buffer): Buffer {
  const end = ciphertext.length - 44;
  const iv = ciphertext.subarray(end + 16, end + 32);
  const messageKey = createHmac("sha256", key).update(iv).digest();
  const cipher = createDecipheriv("aes-256-gcm", messageKey, ciphertext.subarray(end + 32));
  cipher.setAAD(context);
  cipher.setAuthTag(ciphertext.subarray(end, end + 16));
  return Buffer.concat([cipher.update(ciphertext.subarray(0, end)), cipher.final()]);
}

async function vectorOf([file, id]: StoredKey["vector"]): Promise<
  Record<"ciphertext" | "plaintext" | "context", Buffer>
> {
  const { cases }: { cases: Record<string, string>[] } = JSON.parse(
    await readFile(new URL(`${file}.json`, vectors), "utf8"),
  );
  const found = cases.find((one) => one.id === id && one.result === "valid");
  if (found === undefined) throw new Error(`${file}.json has no valid case '${id}'`);
  const bytes = (member: string): Buffer => Buffer.from(found[member] ?? "", "base64");
  return { ciphertext: bytes("ciphertext"), plaintext: bytes("plaintext"), context: bytes("context") };
}

async function listed(client: KesClient): Promise<string[]> {
  const names: string[] = [];
  for await (const name of client.listKeys()) names.push(name);
  return names;
}

async function newFolder(cleanUp: CleanUp): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-layout-"));
  cleanUp.add(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function newSite(cleanUp: CleanUp): Promise<CliSite> {
  const site = await makeCliSite();
  cleanUp.add(site.remove);
  return site;
}

/** Our server on a keystore, and its admin's client. */
async function serve(site: CliSite, { keystore }: Place, cleanUp: CleanUp): Promise<KesClient> {
  await site.configure({ keystore });
  const server = await startCliServer(site);
  cleanUp.add(() => server.process.stop());
  const client = new KesClient({
    endpoints: server.url,
    certificate: site.admin.certPem,
    key: site.admin.keyPem,
    ca: site.server.certPem,
  });
  cleanUp.add(() => client.close());
  return client;
}

interface VaultSettings {
  readonly engine: string;
  readonly version: "v1" | "v2";
  readonly prefix: string;
  readonly transit?: { readonly engine: string; readonly key: string };
  /** Further lines of the configuration. */
  readonly more: string;
}

async function vaultPlace(
  context: Mocha.Context,
  cleanUp: CleanUp,
  { engine, version, prefix, transit, more }: VaultSettings,
): Promise<Place> {
  const vault = await Vault.start(requireService(context, "bao"), await newFolder(cleanUp));
  cleanUp.add(() => vault.stop());
  await vault.mountKv(engine, version === "v1" ? "1" : "2");
  if (transit !== undefined) {
    await vault.call("POST", `sys/mounts/${transit.engine}`, { type: "transit" });
    await vault.call("POST", `${transit.engine}/keys/${transit.key}`, {});
  }
  const token = await vault.token();
  return {
    keystore:
      `keystore:\n  vault:\n    endpoint: ${vault.url}\n    engine: ${engine}\n    version: ${version}\n` +
      `${prefix === "" ? "" : `    prefix: ${prefix}\n`}    token: ${token}\n${more}`,
    store: {
      ...{ kind: "vault", endpoint: vault.url, token, engine, version, prefix },
      ...(transit === undefined ? {} : { transit }),
    },
  };
}
