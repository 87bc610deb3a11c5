/** `npm run openapi`: writes `openapi.json` anew after a route or the version has changed. */
import { writeFileSync } from "node:fs";
import { openApiFile, openApiText } from "./openapi-file.js";

writeFileSync(openApiFile, openApiText());
