/** Starts all servers that can be had here. */
import { CleanUp } from "../../../test/support/clean-up.js";
import { service, systemTool } from "../../../test/support/services/index.js";
import { buildGo, buildKeswick, goVersion } from "../programs.js";
import type { Contender } from "./contender.js";
import { startKeswick } from "./keswick.js";
import { startNginx } from "./nginx.js";
import { startOpenBao } from "./openbao.js";
import { startOriginal } from "./original.js";
import { makeBenchSite } from "./site.js";
import { startYardstick } from "./yardstick.js";

export interface Started {
  readonly contenders: readonly Contender[];
  /** What is missing, and how to get it. */
  readonly notes: string[];
  stop(): Promise<void>;
}

export interface StartOptions {
  /** Of `yardstick`, `node`, `keswick`, `kes`, `nginx`, `openbao`; all by default. */
  readonly only?: readonly string[];
  /** Path of a compiled `main.js`; by default the sources are compiled. */
  readonly main?: string;
}

/** @throws Error when a server that is there does not start: a comparison with less than is there would mislead */
export async function startContenders({ only, main }: StartOptions): Promise<Started> {
  const cleanUp = new CleanUp();
  const contenders: Contender[] = [];
  const notes: string[] = [];
  const add = async (started: Promise<Contender>): Promise<void> => {
    const contender = await started;
    cleanUp.add(() => contender.stop());
    contenders.push(contender);
  };
  const wants = (name: string): boolean => only === undefined || only.includes(name);
  const site = await makeBenchSite();
  cleanUp.add(() => site.remove());
  try {
    if (wants("yardstick")) {
      const binary = buildGo("yardstick");
      if (binary === undefined) notes.push("No Go yardstick: no Go toolchain on the PATH.");
      else await add(startYardstick(site, binary, goVersion() ?? "go"));
    }
    const compiled = main ?? buildKeswick();
    for (const engine of ["node", "keswick"] as const) {
      if (wants(engine)) await add(startKeswick(site, { engine, main: compiled }));
    }
    if (wants("kes")) {
      const kes = service("kes");
      if (kes === undefined)
        notes.push(
          "No original KES: no registry serves it any more; KESWICK_KES_BINARY names one that you have.",
        );
      else await add(startOriginal(site, kes));
    }
    if (wants("nginx")) {
      const nginx = systemTool("nginx");
      if (nginx === undefined) notes.push("No nginx: it is not on the PATH.");
      else await add(startNginx(site, nginx));
    }
    if (wants("openbao")) {
      const bao = service("bao");
      if (bao === undefined) notes.push("No OpenBao: 'npm run services -- bao' installs it.");
      else await add(startOpenBao(site, bao));
    }
  } catch (error) {
    await cleanUp.run();
    throw error;
  }
  return { contenders, notes, stop: () => cleanUp.run() };
}
