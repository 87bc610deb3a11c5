/**
 * restic at our server: a repository in a bucket, whose default decides how its files are encrypted, since restic has no
 * word for it.
 */
import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect } from "chai";
import { ClientCommand, type ClientSite } from "../../support/s3-clients/driver.js";
import { openPlace, type Place, type PlaceName } from "../../support/s3-clients/place.js";
import type { Kind } from "../../support/s3-clients/seen-object.js";
import { newSite, shownTable } from "../../support/s3-clients/table.js";
import { KEY_NAME } from "../../support/s3-server.js";
import { requireService } from "../../support/services/index.js";

const MIB = 1024 * 1024;
const steps = ["init", "backup", "list", "check", "restore", "forget"] as const;
/** A pack of restic's is 16 MiB and goes in one piece or in parts, as it finds right. */
const TREE: Readonly<Record<string, number>> = {
  "one.bin": 12 * MIB,
  "sub/two.bin": 70_001,
  "sub/ünï.bin": 5,
};

/** What the bucket's default names. */
const defaults = {
  none: undefined,
  "SSE-S3": "<SSEAlgorithm>AES256</SSEAlgorithm>",
  "SSE-KMS": `<SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>${KEY_NAME}</KMSMasterKeyID>`,
} as const satisfies Partial<Readonly<Record<Kind, string | undefined>>>;

function resticAt(program: string, site: ClientSite): ClientCommand {
  const authority = site.caFile === undefined ? [] : (["--cacert", site.caFile] as const);
  const cache = join(site.folder, "cache");
  const command = [program, "--repo", `s3:${site.url}/${site.bucket}/backups`, "--cache-dir", cache] as const;
  return new ClientCommand([...command, ...authority], site, {
    ...{
      AWS_ACCESS_KEY_ID: site.user,
      AWS_SECRET_ACCESS_KEY: site.password,
      AWS_DEFAULT_REGION: "us-east-1",
    },
    RESTIC_PASSWORD: "of the test alone",
  });
}

describe("interop: restic", function () {
  this.timeout(300_000);
  for (const name of ["TLS", "plain"] as const satisfies readonly PlaceName[]) {
    describe(name, () => {
      let place: Place | undefined;
      let program = "";
      const outcomes = new Map<string, string>();
      before(async function () {
        program = requireService(this, "restic");
        place = await openPlace(this, name);
      });
      after(async () => {
        await place?.stop();
        if (process.env.KESWICK_SHOW_TABLE === "1")
          console.log(shownTable(`restic, ${name}`, steps, outcomes));
      });

      for (const kind of ["none", "SSE-S3", "SSE-KMS"] as const) {
        it(`backs up, checks and restores, ${kind}`, async () => {
          if (place === undefined) throw new Error("the place is not open");
          const at = place;
          const site = await newSite(at, kind);
          const restic = resticAt(program, site);
          const done = (step: (typeof steps)[number]) => outcomes.set(`${step} ${kind}`, "ok");
          for (const step of steps) outcomes.set(`${step} ${kind}`, "FAILED");
          await setDefault(at, site, kind);
          const keys = async () => {
            const listed = await at.server.ask("GET", `/${site.bucket}?list-type=2`);
            return [...listed.text.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, key = ""]) => key);
          };

          await restic.ok("init");
          expect(await keys()).to.include("backups/config");
          done("init");

          const source = join(site.folder, "source");
          const contents = new Map(Object.entries(TREE).map(([file, size]) => [file, randomBytes(size)]));
          for (const [file, content] of contents) {
            await mkdir(dirname(join(source, file)), { recursive: true });
            await writeFile(join(source, file), content);
          }
          await restic.ok("backup", source);
          const stored = await keys();
          expect(stored.filter((key) => key.startsWith("backups/data/"))).to.not.have.length(0);
          for (const key of stored) {
            const seen = await at.seen(site.bucket, key);
            expect(seen?.kind, key).to.equal(kind);
            expect(seen?.keyName, key).to.equal(kind === "none" ? undefined : KEY_NAME);
          }
          done("backup");

          const [snapshot] = JSON.parse(await restic.ok("snapshots", "--json"));
          expect(snapshot.paths).to.deep.equal([source]);
          done("list");

          expect(await restic.ok("check", "--read-data")).to.contain("no errors were found");
          done("check");

          const target = join(site.folder, "target");
          await restic.ok("restore", "latest", "--target", target);
          for (const [file, content] of contents) {
            const restored = await readFile(join(target, source, file));
            expect(restored.equals(content), file).to.equal(true);
          }
          done("restore");

          await restic.ok("forget", "--prune", snapshot.id);
          expect((await keys()).filter((key) => /\/(?:data|snapshots)\//.test(key))).to.deep.equal([]);
          done("forget");
          expect(at.server.failures).to.deep.equal([]);
        });
      }
    });
  }
});

async function setDefault(place: Place, { bucket }: ClientSite, kind: keyof typeof defaults): Promise<void> {
  const named = defaults[kind];
  if (named === undefined) return;
  const rule = `<ApplyServerSideEncryptionByDefault>${named}</ApplyServerSideEncryptionByDefault>`;
  const reply = await place.server.ask("PUT", `/${bucket}?encryption=`, {
    body: `<ServerSideEncryptionConfiguration><Rule>${rule}</Rule></ServerSideEncryptionConfiguration>`,
  });
  if (reply.status !== 200) throw new Error(`no default was set: ${reply.text}`);
}
