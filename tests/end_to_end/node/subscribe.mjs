// Subscribes with the unchanged supabase-js and prints what happens, one JSON value a line.
// The first line of stdin says what to: {url, key, token, mode: "broadcast" | "postgres_changes",
// topic, filter}. A line "break" cuts every connection. Ends when stdin ends.
import { createClient } from "@supabase/supabase-js";
import { once } from "node:events";
import { connect, createServer } from "node:net";
import { createInterface } from "node:readline";

const say = (kind, value) => console.log(JSON.stringify({ kind, value }));
const input = createInterface({ input: process.stdin });
const [line] = await once(input, "line");
const { url, key, token, mode, topic, filter } = JSON.parse(line);

// What can be cut: a proxy of bytes before Supabase.
const supabase = new URL(url);
const sockets = new Set();
const proxy = createServer((near) => {
  const far = connect(Number(supabase.port), supabase.hostname);
  for (const socket of [near, far]) {
    sockets.add(socket);
    socket.on("error", () => {}).on("close", () => [near, far].forEach((each) => each.destroy()));
  }
  near.pipe(far).pipe(near);
});
await new Promise((listening) => proxy.listen(0, "127.0.0.1", listening));

// The callback, not setAuth(token): what is set by hand is forgotten when the socket breaks.
const options = token ? { accessToken: async () => token } : {};
const client = createClient(`http://127.0.0.1:${proxy.address().port}`, key, options);
if (token) await client.realtime.setAuth(); // a join sent before it carries no token

const broadcast = { replication_ready: true };
const channel =
  mode === "broadcast"
    ? client
        .channel(topic, { config: { private: true, broadcast } })
        .on("broadcast", { event: "live_updates" }, ({ payload }) => {
          for (const update of payload.changes) say("update", update);
        })
    : client
        .channel(topic)
        .on("postgres_changes", { event: "INSERT", schema: "public", table: "live_updates", filter }, (change) => {
          say("update", change.new);
        });
channel.on("system", {}, (message) => say("system", message.message));
channel.subscribe((status, error) => say("status", `${status} ${error?.message ?? ""}`.trim()));

input.on("line", (text) => {
  if (text === "break") for (const socket of sockets) socket.destroy();
});
input.on("close", async () => {
  await client.removeAllChannels();
  process.exit(0);
});
