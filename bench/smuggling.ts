/** `npm run smuggling`: prints the table of who tries to be somebody else, how, and what becomes of it. */
import { systemTool } from "../test/support/services/index.js";
import { setStage } from "../test/support/smuggling/stage.js";
import { playAll } from "../test/support/smuggling/table.js";

const stage = await setStage({ haproxy: systemTool("haproxy"), nginx: systemTool("nginx") });
try {
  for (const tool of ["haproxy", "nginx"] as const) {
    if (systemTool(tool) === undefined) console.log(`without ${tool}: it is not installed`);
  }
  const table = await playAll(stage);
  const names = ["attempt", ...stage.ways.map(({ name }) => name)];
  console.log(`| ${names.join(" | ")} |\n|${" --- |".repeat(names.length)}`);
  let breaches = 0;
  for (const [{ why }, fates] of table) {
    const cells = fates.map(({ shown, breach }) => (breach === undefined ? shown : `BREACH: ${breach}`));
    breaches += fates.filter(({ breach }) => breach !== undefined).length;
    console.log(`| ${[why, ...cells].join(" | ")} |`);
  }
  console.log(
    `\n${table.size} attempts on ${stage.ways.length} ways: ${breaches === 0 ? "none impersonates" : `${breaches} BREACHES`}`,
  );
  process.exitCode = breaches === 0 ? 0 : 1;
} finally {
  await stage.close();
}
