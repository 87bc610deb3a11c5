/**
 * s3fs at our server: a bucket that is mounted, with what programs do to files. They are other processes, for a file
 * system that waits for a server in this one must not hold up this one's threads.
 */
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "chai";
import type { Context } from "mocha";
import { RunningProcess, run, runOk } from "../../support/child-process.js";
import { ClientCommand, type ClientSite, type S3Driver } from "../../support/s3-clients/driver.js";
import type { Place } from "../../support/s3-clients/place.js";
import { describeClient, newSite } from "../../support/s3-clients/table.js";
import { requireService } from "../../support/services/index.js";

const MOUNT_TIMEOUT_MS = 60_000;
const LARGE_BYTES = 24 * 1024 * 1024 + 7;
const CHANGED_AT = 12 * 1024 * 1024;
/** Nothing listens there. */
const NO_SERVER = "http://127.0.0.1:9";

function commandOf(
  program: string,
  bucket: string,
  mount: string,
  options: readonly string[],
): readonly [string, ...string[]] {
  const all = [...options, "use_path_request_style", "endpoint=us-east-1", "auto_unmount"];
  return [program, bucket, mount, "-f", ...all.flatMap((option) => ["-o", option])];
}

/** Skips where nobody may mount file systems: in most containers, and without FUSE in the kernel. */
async function requireMounts(context: Context, program: string): Promise<void> {
  const fault = await mountFault(program);
  if (fault === undefined) return;
  console.log(`skipped: ${context.test?.parent?.fullTitle() ?? "a test"}: no mounts here: ${fault}`);
  context.skip();
}

/** Mounts a folder that has no server behind it. @returns why it cannot be done; undefined when it can */
async function mountFault(program: string): Promise<string | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "keswick-s3fs-"));
  try {
    const passwords = join(folder, "passwords");
    await writeFile(passwords, "nobody:nothing\n", { mode: 0o600 });
    const mount = join(folder, "mount");
    await mkdir(mount);
    const options = [`passwd_file=${passwords}`, `url=${NO_SERVER}`, "retries=1", "connect_timeout=1"];
    const { stdout, stderr } = await run(commandOf(program, "no-bucket", mount, options), {
      timeoutMs: MOUNT_TIMEOUT_MS,
    });
    // It asks for the bucket once it is mounted, and not before.
    if (`${stdout}${stderr}`.includes("unable to connect")) return undefined;
    return (
      /^fuse.*$/m.exec(stderr)?.[0] ?? `${stdout}${stderr}`.trim().split("\n").at(-1) ?? "no reason told"
    );
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Mounted {
  readonly path: string;
  unmount(): Promise<void>;
}

async function mounted(program: string, site: ClientSite, name = "mount"): Promise<Mounted> {
  const path = join(site.folder, name);
  await mkdir(path);
  const passwords = join(site.folder, `${name}-passwords`);
  await writeFile(passwords, `${site.user}:${site.password}\n`, { mode: 0o600 });
  const customerKey = join(site.folder, `${name}-customer-key`);
  await writeFile(customerKey, `${site.customerKey.toString("base64")}\n`, { mode: 0o600 });
  // It forgets the encryption of uploads that it makes of old and new parts, as it does of all in parts unless told not to.
  const encryption = {
    none: [],
    "SSE-S3": ["use_sse=1", "nomixupload"],
    "SSE-KMS": [`use_sse=kmsid:${site.keyName}`, "nomixupload"],
    "SSE-C": [`use_sse=custom:${customerKey}`, "nomixupload"],
  }[site.kind];
  const options = [`passwd_file=${passwords}`, `url=${site.url}`, "multipart_size=5", ...encryption];
  const env = site.caFile === undefined ? {} : { CURL_CA_BUNDLE: site.caFile };
  const running = await RunningProcess.start(
    commandOf(program, site.bucket, path, options),
    async () => (await readFile("/proc/self/mountinfo", "utf8")).includes(` ${path} `),
    { env, readyTimeoutMs: MOUNT_TIMEOUT_MS },
  );
  // The kernel shows the mount before the bucket has been asked for; who lists it waits for that.
  await runOk(["ls", path], { timeoutMs: MOUNT_TIMEOUT_MS });
  return { path, unmount: async () => void (await running.stop()) };
}

async function open(program: string, site: ClientSite): Promise<S3Driver> {
  const { path, unmount } = await mounted(program, site);
  const shell = new ClientCommand(["sh", "-euc"], site);
  const does = (script: string, ...values: readonly string[]): Promise<string> =>
    shell.ok(script, "sh", ...values);
  const at = (key: string): string => join(path, key);
  const store = 'mkdir -p "$(dirname "$2")"; cp "$1" "$2"';
  return {
    put: async (file, key) => void (await does(store, file, at(key))),
    get: async (key, file) => void (await does('cp "$1" "$2"', at(key), file)),
    range: (key, offset, length) =>
      shell.bytes(
        'dd if="$1" iflag=skip_bytes,count_bytes skip="$2" count="$3" status=none',
        ...["sh", at(key), String(offset), String(length)],
      ),
    stat: async (key) => ({ size: Number(await does('stat -c %s "$1"', at(key))) }),
    async list(prefix) {
      const found = await does('cd "$1"; find "$2" -type f -printf "%p\\n"', path, prefix);
      return found.split("\n").flatMap((line) => (line === "" ? [] : [line.replace("//", "/")]));
    },
    // What is renamed the server copies: a copy that is then moved to its place is copied by both.
    copy: async (from, to) => {
      await does('mkdir -p "$(dirname "$2")"; cp "$1" "$2.draft"; mv "$2.draft" "$2"', at(from), at(to));
    },
    upload: async (file, key) => void (await does(store, file, at(key))),
    remove: async (key) => void (await does('rm "$1"', at(key))),
    // Keeps times, owners and modes, each of which is a copy of an object onto itself. Its times are whole seconds.
    sync: async (folder, prefix) => {
      await does(
        'find "$1" -exec touch -d @1700000000 {} +; mkdir -p "$2"; cp -a -u "$1/." "$2"',
        folder,
        at(prefix),
      );
    },
    syncBack: async (prefix, folder) => void (await does('cp -a "$1/." "$2"', at(prefix), folder)),
    close: unmount,
  };
}

describeClient({
  client: "s3fs",
  places: { TLS: "all", plain: ["put", "get", "range", "multipart", "delete"] },
  async prepare(context) {
    const program = requireService(context, "s3fs");
    await requireMounts(context, program);
    return (site) => open(program, site);
  },
  more: (place) => {
    it("changes a large file in its middle, by copies of the parts around, in a bucket that encrypts", async function () {
      const program = requireService(this, "s3fs");
      await changesMiddle(place(), program);
    });
  },
});

async function changesMiddle(place: Place, program: string): Promise<void> {
  const site = await newSite(place, "none");
  const rule =
    "<ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault>";
  const body = `<ServerSideEncryptionConfiguration><Rule>${rule}</Rule></ServerSideEncryptionConfiguration>`;
  expect((await place.server.ask("PUT", `/${site.bucket}?encryption`, { body })).status).to.equal(200);
  const content = randomBytes(LARGE_BYTES);
  const file = join(site.folder, "large.bin");
  await writeFile(file, content);
  const { path, unmount } = await mounted(program, site);
  try {
    const target = join(path, "large.bin");
    await runOk(["cp", file, target], { timeoutMs: MOUNT_TIMEOUT_MS });
    const change = join(site.folder, "change.bin");
    await writeFile(change, "changed");
    const where = ["oflag=seek_bytes", `seek=${CHANGED_AT}`, "conv=notrunc", "status=none"];
    await runOk(["dd", `if=${change}`, `of=${target}`, ...where], { timeoutMs: MOUNT_TIMEOUT_MS });
  } finally {
    await unmount();
  }
  content.write("changed", CHANGED_AT);
  const { body: found } = await place.server.ask("GET", `/${site.bucket}/large.bin`);
  expect(found.equals(content), "the whole with its change").to.equal(true);
  expect((await place.seen(site.bucket, "large.bin"))?.kind).to.equal("SSE-S3");
  const copied = place.server.log.filter(
    ({ operation, bucket, status }) =>
      operation === "UploadPartCopy" && bucket === site.bucket && status === 200,
  );
  expect(copied, "parts copied").to.have.length.of.at.least(2);
}
