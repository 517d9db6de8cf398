import { build } from "esbuild";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";

import { ConfigurationError } from "../src/errors.js";
import * as edge from "../src/platform/edge.js";
import * as node from "../src/platform/node.js";
import * as web from "../src/platform/web.js";
import { KEY, SITE } from "./support/cms.js";

const source = (path: string) => fileURLToPath(new URL(`../src/${path}`, import.meta.url));
const config = { siteId: SITE, apiKey: KEY, apiUrl: "http://localhost/spool-live" };

test("a browser takes no API key, and says what to do instead", () => {
  expect(() => web.serverAccess(config)).toThrow(ConfigurationError);
  expect(() => web.serverAccess(config)).toThrow("pass getToken");
});

test("a server and an edge runtime take one; a page does not, whatever its bundler chose", () => {
  expect(node.serverAccess(config).byKey).toBe(true);
  expect(edge.serverAccess(config).byKey).toBe(true);
  vi.stubGlobal("document", {});
  expect(() => edge.serverAccess(config)).toThrow("pass getToken");
  vi.unstubAllGlobals();
});

test("nothing that sends an API key is in a browser's bundle", async () => {
  const bundleFor = async (platform: string) => {
    const { outputFiles } = await build({
      entryPoints: [source("index.ts")],
      bundle: true,
      write: false,
      format: "esm",
      alias: { "#platform": source(`platform/${platform}.ts`) },
      external: ["@supabase/realtime-js"],
    });
    return outputFiles[0]!.text;
  };
  expect(await bundleFor("edge")).toContain("Api-Key");
  expect(await bundleFor("web")).not.toContain("Api-Key");
});

test("bundlers for browsers choose the browser's part, and edge runtimes theirs", async () => {
  const { imports } = JSON.parse(
    await readFile(new URL("../package.json", import.meta.url), "utf8"),
  ) as { imports: { "#platform": Record<string, string> } };
  const chosen = (...conditions: string[]) =>
    Object.entries(imports["#platform"]).find(([name]) => conditions.includes(name))?.[1];
  expect(chosen("browser", "import", "default")).toBe("./dist/platform/web.js");
  expect(chosen("node", "import", "default")).toBe("./dist/platform/node.js");
  expect(chosen("edge-light", "browser", "default")).toBe("./dist/platform/edge.js");
  expect(chosen("workerd", "browser", "default")).toBe("./dist/platform/edge.js");
  expect(chosen("import", "default")).toBe("./dist/platform/edge.js");
});
