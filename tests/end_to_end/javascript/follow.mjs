// Follows a site with the built package and prints what happens, one JSON value a line. The first
// line of stdin says how: {package, config, supabaseUrl}; "release" lets a handler go on that was
// told to hold, "hold" stops it. Ends when stdin ends.
import { once } from "node:events";
import { createInterface } from "node:readline";

const print = (kind, value) => console.log(JSON.stringify({ kind, value }));
const input = createInterface({ input: process.stdin });
const [line] = await once(input, "line");
const { package: path, config, supabaseUrl } = JSON.parse(line);
const { LiveUpdatesClient } = await import(path);

if (supabaseUrl) {
  // Supabase is behind a proxy for this client, and not for the CMS that names its address.
  const { fetch } = globalThis;
  globalThis.fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (!String(url).endsWith("/token/") || !response.ok) return response;
    const answer = await response.json();
    return Response.json({ ...answer, supabase_url: supabaseUrl });
  };
}

let held = Promise.resolve();
let release = () => {};
const client = new LiveUpdatesClient(config);
client.onUpdate(async (update) => {
  await held;
  print("update", update);
});
client.onReset((reset) => print("reset", reset));
client.onState((state) => print("state", state));
input.on("line", (word) => {
  if (word === "hold") held = new Promise((resolve) => (release = resolve));
  if (word === "release") release();
});
input.on("close", async () => {
  await client.disconnect();
  process.exit(0);
});
await client.connect().catch((error) => print("error", `${error.name}: ${error.message}`));
