/**
 * The OpenAPI 3.1 document of the key API, made from the table of routes: what is served at `/openapi.json` and
 * stands in the file of that name.
 */
import { parameters, pathTemplate } from "./openapi/parameters.js";
import { Responses } from "./openapi/responses.js";
import type { Route } from "./route.js";

/** Group of routes → what they are about. A route's group is the folder of its path: `/v1/<group>/…`. */
const TAGS: Readonly<Record<string, string>> = {
  status: "The server itself",
  key: "Keys, and what is sealed and opened with them",
  policy: "Policies, as the configuration defines them",
  identity: "Identities, as the configuration assigns them",
  log: "Logs as they are written",
  server: "What the server does with itself",
};

/** Routes about the server that have others below them. */
const OF_THE_SERVER: ReadonlySet<string> = new Set(["metrics", "ready"]);

const DESCRIPTION = `Keys for object storage, behind mutual TLS. The API is that of MinIO KES.

- A caller is known by its client certificate; a policy says which paths it may use.
- Every route with \`PUT\` takes \`POST\` as well.
- Members of a request match in any case; unknown ones are ignored. Bytes are base64.
- Every answer carries an \`X-Request-Id\`, which is in the audit log and the error log too.
- Unknown paths are answered 404 in plain text, removed ones of older servers 501, and a path without its last
  slash 301.`;

/** The document for `routes`, as a JSON value. */
export function openApiDocument(routes: readonly Route[], version: string): object {
  const paths: Record<string, object> = {};
  const responses = new Responses();
  for (const route of routes) paths[pathTemplate(route.path, route.argument)] = pathItem(route, responses);
  const used = new Set(routes.map(tagOf));
  return {
    openapi: "3.1.0",
    info: {
      title: "Keswick",
      version,
      summary: "A key encryption service for object storage",
      description: DESCRIPTION,
      license: { name: "Apache License 2.0", identifier: "Apache-2.0" },
    },
    servers: [
      { url: "/", description: "The server that this document was fetched from" },
      {
        url: "https://{host}:{port}",
        variables: { host: { default: "127.0.0.1" }, port: { default: "7373" } },
      },
    ],
    security: [{ mutualTLS: [] }],
    tags: [...used].map((name) => ({ name, ...(TAGS[name] ? { description: TAGS[name] } : {}) })),
    paths,
    components: {
      securitySchemes: {
        mutualTLS: { type: "mutualTLS", description: "A client certificate whose identity a policy names" },
      },
      headers: {
        RequestId: {
          description: "Names this request in the logs",
          required: true,
          schema: { type: "string" },
        },
      },
      schemas: {
        Error: { type: "object", properties: { message: { type: "string" } }, required: ["message"] },
      },
      responses: responses.shared,
      examples: responses.examples,
    },
  };
}

/** `/v1/key/create/` → `key`; routes without a folder of their own are about the server. */
function tagOf(route: Route): string {
  const folder = /^\/v1\/([^/]+)\//.exec(route.path)?.[1] ?? "status";
  return OF_THE_SERVER.has(folder) ? "status" : folder;
}

function pathItem(route: Route, responses: Responses): object {
  const first = operation(route, responses, "");
  if (route.method !== "PUT") return { [route.method.toLowerCase()]: first };
  return { put: first, post: operation(route, responses, "Post") };
}

/** @param alias - tells the operation apart from that of the declared method, empty for the latter */
function operation(route: Route, responses: Responses, alias: "" | "Post"): object {
  const { access, body, doc } = route;
  return {
    operationId: operationId(route.path) + alias,
    tags: [tagOf(route)],
    summary: alias === "" ? doc.summary : `${doc.summary} (the same as ${route.method})`,
    description: describe(route),
    // Nobody has to present a certificate where the route asks for none; the TLS settings still may.
    ...(access === "none" ? { security: [] } : {}),
    ...parametersOf(route),
    ...(body === undefined
      ? {}
      : {
          requestBody: { required: body.required, content: { "application/json": { schema: body.schema } } },
        }),
    responses: responses.of(route),
  };
}

function parametersOf({ argument, doc }: Route): { parameters?: object[] } {
  const inPath = argument === "none" ? [] : [{ ...parameters[argument], in: "path", required: true }];
  const all = [...inPath, ...(doc.query ?? []).map((each) => ({ ...each, in: "query" }))];
  return all.length === 0 ? {} : { parameters: all };
}

/** `/v1/key/bulk/decrypt/` → `keyBulkDecrypt`. */
function operationId(path: string): string {
  const words = path.split("/").filter((word) => word !== "" && word !== "v1");
  return words.map((word, i) => (i === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1))).join("");
}

function describe({ access, doc, maxBodyBytes, maySkipAuth, timeoutMs }: Route): string {
  return [
    doc.description,
    access === "none" && "No identity is asked for.",
    access === "identify" && "For every caller, whatever its policy says.",
    maySkipAuth && "The configuration may open this to callers without identity (`skip_auth`).",
    maxBodyBytes > 0 && `The body has at most ${maxBodyBytes} bytes.`,
    timeoutMs > 0
      ? `Deadline: ${timeoutMs / 1000} s unless configured otherwise.`
      : "Without deadline: the answer goes on until the client leaves.",
  ]
    .filter(Boolean)
    .join(" ");
}
