/** Plays one row of the table on one way, and judges whom the server took the attacker for. */
import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { connectRaw } from "../attacks.js";
import { connectTls, rawHttp1 } from "../raw-http1.js";
import { type Cast, type SmugglingRow, SPOOFED_IP, WHO } from "./row.js";
import type { Way } from "./stage.js";

/** What became of a row. */
export interface Fate {
  /** `itself 200`, `refused 400`, `refused`: whom the server saw and what it, or the load balancer, answered. */
  readonly shown: string;
  /** What must not be; undefined when all is well. */
  readonly breach?: string;
}

/** Longest wait for an answer, and for more of one. */
const WAIT_MS = 1_500;
const QUIET_MS = 250;

export async function play(row: SmugglingRow, way: Way, cast: Cast): Promise<Fate> {
  const before = way.server.stdout().length;
  const received = await send(row, way, cast);
  const records = recordsIn(way.server.stdout().slice(before));
  const breach = breachIn(received, records, cast) ?? (way.isOpen ? await nextClient(way, cast) : undefined);
  return { shown: shownAs(received, records), ...(breach === undefined ? {} : { breach }) };
}

/** Everything that comes back, until the connection ends or nothing more comes. */
async function send(row: SmugglingRow, way: Way, cast: Cast): Promise<string> {
  const { chain, keyPem, protocol, before, bytes } = row.attack(cast);
  const raw = await connectRaw(way.port);
  if (before !== undefined) raw.write(before);
  let socket: TLSSocket;
  try {
    const credentials = { certPem: chain ?? cast.attacker.certPem, keyPem: keyPem ?? cast.attacker.keyPem };
    socket = await within(connectTls(way.port, credentials, { socket: raw, ALPNProtocols: [protocol] }));
  } catch {
    raw.destroy();
    return "";
  }
  socket.write(bytes);
  const text = await untilQuiet(socket);
  socket.destroy();
  return text;
}

async function within<T>(promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error("no handshake in time")), WAIT_MS);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function untilQuiet(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const done = (): void => {
      clearTimeout(timer);
      resolve(text);
    };
    let timer = setTimeout(done, WAIT_MS);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      clearTimeout(timer);
      timer = setTimeout(done, QUIET_MS);
    });
    socket.on("error", () => undefined);
    socket.once("close", done);
  });
}

interface AuditRecord {
  readonly identity: string;
  readonly ip: string;
  readonly status: string;
}

/** Of requests. What was none has nobody to be taken for: it is recorded with whose connection it came on. */
function recordsIn(log: string): AuditRecord[] {
  const requests = log.split("\n").filter((line) => !line.includes('req.method="" '));
  const records = requests.join("\n").matchAll(/ req\.ip=(\S*) req\.identity=(\S+) res\.code=(\d+)/g);
  return [...records].map(([, ip = "", identity = "", status = ""]) => ({ ip, identity, status }));
}

const NOBODY = "<unknown>";

function breachIn(received: string, records: readonly AuditRecord[], cast: Cast): string | undefined {
  const names = { victim: cast.victim, admin: cast.admin, proxy: cast.proxy };
  for (const [name, { identity }] of Object.entries(names)) {
    if (records.some((record) => record.identity === identity)) return `seen as the ${name}`;
    if (received.includes(`"identity":"${identity}"`)) return `told what is the ${name}'s`;
  }
  const strange = records.find(({ identity }) => identity !== cast.attacker.identity && identity !== NOBODY);
  if (strange !== undefined) return `seen as ${strange.identity}`;
  if (records.some(({ ip }) => ip === SPOOFED_IP)) return "recorded with an address of his choice";
  return undefined;
}

/** Whoever comes next must get his own answer and no other: nothing may be left over on a connection that is shared. */
async function nextClient(way: Way, cast: Cast): Promise<string | undefined> {
  const before = way.server.stdout().length;
  const request = `GET ${WHO} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`;
  const { status, body } = await rawHttp1(way.port, cast.victim, request);
  if (status !== 200 || !body.includes(cast.victim.identity)) return `the next client got ${status}`;
  const records = recordsIn(way.server.stdout().slice(before));
  const others = records.filter(({ identity }) => identity !== cast.victim.identity);
  if (records.length - others.length !== 1) return "the next client was recorded more than once";
  return breachIn("", others, cast);
}

function shownAs(received: string, records: readonly AuditRecord[]): string {
  const statuses = records.map(({ status }) => status).join("+");
  if (records.some(({ status }) => status === "200")) return `itself ${statuses}`;
  if (statuses !== "") return `refused ${statuses}`;
  const answered = /^HTTP\/1\.[01] (\d{3})/.exec(received)?.[1];
  return answered === undefined ? "refused" : `refused ${answered}`;
}
