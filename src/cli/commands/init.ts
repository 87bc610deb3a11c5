/** `kes init`: everything that a server needs to start, in one folder. */
import { hostname } from "node:os";
import { basename, isAbsolute, relative, resolve } from "node:path";
import { command } from "../command.js";
import type { FolderResult } from "../init/folder.js";
import { type Layout, layoutOf, PROJECT_FOLDER } from "../init/layout.js";

export const initCommand = command({
  usage: "kes init [--ip IP] [--dns NAME] [--expiry DURATION] [DIR]",
  description:
    `Makes keys, certificates, a keystore and a configuration in DIR (default ${PROJECT_FOLDER}). ` +
    "Overwrites nothing; an interrupted run can be repeated.",
  options: {
    ip: { type: "list", value: "IP", description: "Further IP addresses of the server's certificate" },
    dns: { type: "list", value: "NAME", description: "Further DNS names of the server's certificate" },
    expiry: {
      type: "string",
      value: "DURATION",
      description: "How long the certificates are valid (default 8760h, a year)",
    },
  },
  args: [0, 1],
  examples: ["kes init --dns kes.example.com --ip 10.1.2.3 my-server"],

  async run({ args, options }, { output, cwd }) {
    // The maker of certificates is loaded when there are some to be made.
    const { expiryOf, namesOf } = await import("../init/names.js");
    const { makeFolder, policyText } = await import("../init/folder.js");
    const names = namesOf({ ip: options.ip, dns: options.dns, hostname: hostname() });
    const expiryMs = expiryOf(options.expiry);
    const layout = await layoutOf(resolve(cwd, args[0] ?? PROJECT_FOLDER));
    const result = await makeFolder(layout, { ...names, expiryMs, nowMs: Date.now(), policyText });
    if (result.isOpenToOthers) {
      output.note(
        `'${layout.dir}' existed and other users may enter it; private keys are readable by you alone`,
      );
    }
    if (result.kept.includes(layout.certFile.server) && options.ip.length + options.dns.length > 0) {
      output.note("the server's certificate existed: --ip and --dns did not change it");
    }
    output.data(report(layout, result, cwd));
    return undefined;
  },
});

/** What was made, who is who, and what to do next. */
export function report(layout: Layout, result: FolderResult, cwd: string): string {
  const { server, admin, client } = result.certificates;
  const name = (path: string): string => relative(layout.dir, path);
  const until = new Date(server.notAfterMs).toISOString().slice(0, 10);
  const lines = [`Folder      ${layout.dir}`, `Made        ${result.made.map(name).join("  ")}`];
  if (result.kept.length > 0) lines.push(`Kept        ${result.kept.map(name).join("  ")}`);
  lines.push(
    "",
    `Server      ${basename(layout.certFile.server)}, valid until ${until}; clients trust this certificate`,
    `Admin       ${admin.identity}`,
    `Client      ${client.identity} (a storage server, policy 'minio')`,
    "",
    "Next        keep the .key files secret; start the server with",
    "",
    `    ${startLine(layout, cwd)}`,
    "",
  );
  return lines.join("\n");
}

function startLine(layout: Layout, cwd: string): string {
  if (layout.config === undefined) return "kes start";
  const { file } = layout.config;
  const short = relative(cwd, file);
  const shown = short.startsWith("..") || isAbsolute(short) ? file : short;
  return `kes server --config ${/\s|'|"/.test(shown) ? JSON.stringify(shown) : shown}`;
}
