/** `kes-s3 verify --rebuild-index`. */
import { rebuildIndex } from "../../../storage/store/rebuild.js";
import type { CommandContext } from "../../command.js";
import { withProgress } from "../../keystore/progress.js";
import { printableLines } from "../../terminal/text.js";
import { systemTicker } from "../../terminal/ticker.js";
import { told } from "../folder.js";

/** Builds the index anew and reports. @returns how much is damaged @throws CommandError */
export async function rebuild({ output }: CommandContext, dir: string, json: boolean): Promise<number> {
  let files = 0;
  const progress = {
    label: "reading",
    line: (done: number) => `Read ${String(done).padStart(6)} files ...`,
    done: () => files,
    total: () => undefined,
  };
  const report = await withProgress(output, systemTicker, progress, () =>
    told(dir, () =>
      rebuildIndex(dir, {
        progress: (read) => {
          files = read;
        },
      }),
    ),
  );
  const { buckets, objects, uploads, garbage, damages } = report;
  if (json) {
    output.data(`${JSON.stringify({ rebuilt: { buckets, objects, uploads, garbage }, damages })}\n`);
    return damages.length;
  }
  output.data(`index built anew: ${buckets} buckets, ${objects} objects, ${uploads} uploads\n`);
  for (const damage of damages) output.data(`${printableLines(JSON.stringify(damage))}\n`);
  return damages.length;
}
