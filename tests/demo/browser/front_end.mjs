// A front end on an address of its own: a page, and a server that has the API key and gives the page
// tokens. Reads its configuration from standard input and ends with it.
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [{ value: line }] = [await process.stdin[Symbol.asyncIterator]().next()];
const { packageFolder, port, siteId, apiKey, apiUrl } = JSON.parse(line);
process.stdin.on("end", () => process.exit()).resume();

const { createSpoolLiveEndpoint } = await import(
  pathToFileURL(`${packageFolder}/dist/next/index.js`)
);
const endpoint = createSpoolLiveEndpoint({ siteId, apiKey, apiUrl, authorize: () => true });

const PAGE = `
import { fromEndpoint, LiveUpdatesClient } from "spool-live";

const { siteId, apiUrl } = JSON.parse(document.getElementById("config").textContent);
const own = fromEndpoint("/api/spool-live");
// Catch-up from our own server, or directly from the CMS with the token.
const direct = new URLSearchParams(location.search).has("direct");
const client = new LiveUpdatesClient(
  direct ? { siteId, apiUrl, getToken: own.getToken } : { siteId, ...own },
);
client.onUpdate(({ metadata }) => {
  const item = document.createElement("li");
  item.textContent = metadata.summary ?? metadata.title ?? "";
  document.querySelector("ol").append(item);
});
client.onState(({ phase, log, error }) =>
  Object.assign(document.documentElement.dataset, { phase, log, error: error ?? "" }),
);
await client.connect();
`;
const { build } = createRequire(`${packageFolder}/package.json`)("esbuild");
const { outputFiles } = await build({
  stdin: { contents: PAGE, resolveDir: packageFolder },
  bundle: true,
  write: false,
  format: "esm",
  platform: "browser",
  tsconfigRaw: "{}",
});
const answers = {
  "/": ["text/html", `<!doctype html><title>Front end</title><ol></ol>
    <script id="config" type="application/json">${JSON.stringify({ siteId, apiUrl })}</script>
    <script type="module" src="/page.js"></script>`],
  "/page.js": ["text/javascript", outputFiles[0].text],
};

createServer(async (request, response) => {
  const url = new URL(request.url, "http://localhost");
  if (url.pathname === "/api/spool-live") {
    const answer = await endpoint(new Request(url, { method: request.method }));
    response.writeHead(answer.status, Object.fromEntries(answer.headers));
    response.end(await answer.text());
    return;
  }
  const [type, text] = answers[url.pathname] ?? ["text/plain", ""];
  response.writeHead(type === "text/plain" ? 404 : 200, { "Content-Type": type }).end(text);
}).listen(port, "127.0.0.1", () => console.log("ready"));
