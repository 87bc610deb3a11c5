/** The process that is killed: reseals the bucket and tells each object, one line each. */
import { BUCKET, openSite, type Task } from "./site.js";

const task: Task = JSON.parse(process.argv[2] ?? "");
const { objects } = await openSite(task);
const to = { kind: "SSE-KMS", keyId: "new" } as const;
for await (const step of objects.rotate({ bucket: BUCKET, to, skipsDone: true })) {
  // Waited for: what is killed has told of all but the last objects.
  await new Promise<void>((resolve) =>
    process.stdout.write(`${step.outcome} ${step.key}\n`, () => resolve()),
  );
}
await objects.close();
