// node ensure-key.mjs NAME: creates the key unless it is there.
import { isKesError } from "keswick/client";
import { connect } from "./connect.mjs";

const [name = ""] = process.argv.slice(2);
const client = connect();
try {
  await client.createKey(name);
  console.log("created");
} catch (error) {
  if (!isKesError(error, "KEY_EXISTS")) throw error;
  console.log("was there");
} finally {
  await client.close();
}
