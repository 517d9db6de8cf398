// Types and tests with the oldest (or, by "newest", the newest) supported realtime-js and Next.js, in a
// copy of this package.
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const VERSIONS = {
  oldest: ["@supabase/realtime-js@2.95.3", "next@15.0.0", "react@18", "react-dom@18"],
  newest: ["@supabase/realtime-js@2", "next@latest", "react@latest", "react-dom@latest"],
};

const which = process.argv[2] ?? "oldest";
const copy = mkdtempSync(join(tmpdir(), `spool-live-${which}-`));
const npm = (...words) =>
  execFileSync(process.execPath, [process.env.npm_execpath, ...words], {
    cwd: copy,
    stdio: "inherit",
  });

const source = new URL("..", import.meta.url).pathname;
const left = new Set(
  ["node_modules", "dist", "build", "example"].map((name) => join(source, name)),
);
cpSync(source, copy, { recursive: true, filter: (path) => !left.has(path) });
try {
  npm("ci", "--silent", "--no-progress");
  npm("install", "--no-save", "--legacy-peer-deps", "--silent", ...VERSIONS[which]);
  npm("run", "typecheck");
  npm("run", "test", "--", "tests/client.test.ts", "tests/next", "tests/react");
} finally {
  rmSync(copy, { recursive: true, force: true });
}
