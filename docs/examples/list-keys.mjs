// node list-keys.mjs [PREFIX]: the keys whose names begin so, with age and creator.
import { connect } from "./connect.mjs";

const [prefix = ""] = process.argv.slice(2);
const client = connect();
try {
  // Pages are fetched as the loop goes on; leaving it early costs nothing.
  for await (const name of client.listKeys({ prefix })) {
    const { algorithm, createdAt, createdBy } = await client.describeKey(name);
    console.log(`${name} ${algorithm} ${createdAt} ${createdBy || "unknown"}`);
  }
} finally {
  await client.close();
}
