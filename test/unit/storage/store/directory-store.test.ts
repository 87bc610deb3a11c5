/** The directory store by the contract, and what it alone must do. */
import { DirectoryStore } from "../../../../src/storage/store/directory-store.js";
import { objectStoreContract } from "./contract.js";
import { scratchFolders } from "./support.js";

describe("directory store", function () {
  this.timeout(60_000);
  const scratch = scratchFolders();

  objectStoreContract("directory store", async () => {
    const folder = scratch();
    const warnings: string[] = [];
    const open = () => DirectoryStore.open(folder, { warn: (message) => warnings.push(message) });
    return { store: await open(), reopen: open };
  });
});
