// What `npm run check` packed, installed into an empty folder as a stranger does, and imported there:
// alone, and beside the frameworks that its entry points are for.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

const build = new URL("../build/", import.meta.url).pathname;
const [archive] = existsSync(build)
  ? readdirSync(build).filter((name) => name.endsWith(".tgz"))
  : [];
if (!archive) {
  console.error("There is no packed archive: run `npm run check` (tox run -e js) first.");
  process.exit(1);
}

// The npm that runs this script, or the one that came with this node.
const npm =
  process.env.npm_execpath ??
  join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js");
const folder = mkdtempSync(join(tmpdir(), "spool-live-installed-"));
const node = (...words) =>
  execFileSync(process.execPath, words, { cwd: folder, encoding: "utf-8", stdio: "pipe" });
const evaluate = (code) => node("--input-type=module", "--eval", code);

try {
  node(npm, "init", "--yes");
  node(npm, "install", "--no-audit", "--no-fund", join(build, archive));
  evaluate(`
    import { LiveUpdatesClient } from "spool-live";
    import schema from "spool-live/schema.json" with { type: "json" };
    new LiveUpdatesClient();
    if (!schema.$schema) throw new Error("no schema");
  `);
  node(npm, "install", "--no-audit", "--no-fund", "next", "react", "react-dom");
  evaluate(`
    import { createSpoolWebhookHandler } from "spool-live/next";
    import { useLiveUpdates } from "spool-live/react";
    for (const one of [createSpoolWebhookHandler, useLiveUpdates])
      if (typeof one !== "function") throw new Error("not a function");
  `);
  const installed = join(folder, "node_modules", "spool-live", "package.json");
  const { name, version } = JSON.parse(readFileSync(installed, "utf-8"));
  process.stdout.write(`${name} ${version} on Node ${process.version}: well\n`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
