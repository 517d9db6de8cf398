// Bundles the pages' styles (with their fonts) and scripts into Django's static files. The JavaScript
// package is taken from its sources in this repository, so that it need not be built first.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const sources = fileURLToPath(new URL("../../../packages/js/src/", import.meta.url));

await build({
  entryPoints: ["src/site.ts", "src/portal.ts", "src/styles/site.css", "src/styles/portal.css"],
  outdir: "../static/newsroom/build",
  entryNames: "[name]",
  assetNames: "fonts/[name]-[hash]",
  loader: { ".woff2": "file" },
  alias: { "spool-live": `${sources}index.ts`, "#platform": `${sources}platform/web.ts` },
  nodePaths: [fileURLToPath(new URL("node_modules", import.meta.url))],
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  logLevel: "warning",
});
