/** The parent's side of `attacker-main.ts`. */
import { fileURLToPath } from "node:url";
import type { Credentials } from "../../test/support/raw-http1.js";
import { type Child, startChild } from "./child.js";

export interface AttackOptions {
  /** Of the behaviour. */
  readonly name: string;
  readonly port: number;
  readonly connections: number;
  readonly stranger: Credentials;
  readonly admin: Credentials;
}

export interface AttackReport {
  readonly opened: number;
  /** Connections that ended although the attackers did not end them. */
  readonly cut: number;
  readonly cameBack: number;
}

export interface Attacker {
  /** Resolves when all are connected. */
  connect(options: AttackOptions): Promise<AttackReport>;
  begin(): Promise<AttackReport>;
  report(): Promise<AttackReport>;
  /** Ends all connections. */
  leave(): Promise<AttackReport>;
  stop: Child["stop"];
}

const MAIN = fileURLToPath(new URL("attacker-main.ts", import.meta.url));

export async function startAttacker(): Promise<Attacker> {
  const { child, first } = startChild(MAIN);
  await first;
  return {
    connect: (options) => child.ask(options),
    begin: () => child.ask("attack"),
    report: () => child.ask("report"),
    leave: () => child.ask("leave"),
    stop: () => child.stop(),
  };
}
