/** The process that is killed: reseals the bucket and tells each object, one line each. */
import { writeSync } from "node:fs";
import { BUCKET, openSite, type Task } from "./site.js";

const task: Task = JSON.parse(process.argv[2] ?? "");
const { objects } = await openSite(task);
const to = { kind: "SSE-KMS", keyId: "new" } as const;
for await (const step of objects.rotate({ bucket: BUCKET, to, skipsDone: true })) {
  // At once, not when the event loop comes to it: what was told must have happened, and the reverse nearly so.
  writeSync(1, `${step.outcome} ${step.key}\n`);
}
await objects.close();
