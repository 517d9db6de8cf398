// Bundles the pages' styles (with their fonts) and scripts into Django's static files.
import { build } from "esbuild";

await build({
  entryPoints: ["src/site.ts", "src/portal.ts", "src/styles/site.css", "src/styles/portal.css"],
  outdir: "../static/newsroom/build",
  entryNames: "[name]",
  assetNames: "fonts/[name]-[hash]",
  loader: { ".woff2": "file" },
  bundle: true,
  minify: true,
  format: "esm",
  target: ["chrome123", "firefox120", "safari17.5"],
  logLevel: "warning",
});
