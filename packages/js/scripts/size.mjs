// Reports what each entry costs a browser, minified and gzipped, beside realtime-js and React.
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const GOAL = 8 * 1024;
const BUDGET = 13 * 1024; // above it the step fails
const PEERS = ["@supabase/realtime-js", "react", "react/jsx-runtime", "next/*", "standardwebhooks"];

async function sizeOf(code, external = PEERS) {
  const result = await build({
    stdin: { contents: code, resolveDir: new URL("..", import.meta.url).pathname },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    target: "es2022",
    external,
    tsconfigRaw: "{}", // ours maps the platform to its sources
  });
  return gzipSync(result.outputFiles[0].contents, { level: 9 }).length;
}

const entries = {
  "spool-live": 'export { LiveUpdatesClient, fromEndpoint } from "spool-live"',
  "the errors alone": 'export { RateLimitedError } from "spool-live"',
};
const sizes = {};
for (const [name, code] of Object.entries(entries)) sizes[name] = await sizeOf(code);
sizes["realtime-js"] = await sizeOf('export { RealtimeClient } from "@supabase/realtime-js"', []);
for (const [name, bytes] of Object.entries(sizes))
  console.info(`${name.padEnd(20)} ${(bytes / 1024).toFixed(2).padStart(6)} KiB gzipped`);
console.info(`goal for spool-live: ${GOAL / 1024} KiB, budget: ${BUDGET / 1024} KiB`);
if (sizes["spool-live"] > BUDGET) {
  console.error(`spool-live is over its budget of ${BUDGET / 1024} KiB.`);
  process.exitCode = 1;
}
