// Subscribes with the unchanged supabase-js and prints what happens, one JSON value a line.
// The first line of stdin says what to: {url, key, token, mode: "broadcast" | "postgres_changes",
// topic, filter}. Ends when stdin ends.
import { createClient } from "@supabase/supabase-js";
import { once } from "node:events";
import { createInterface } from "node:readline";

const say = (kind, value) => console.log(JSON.stringify({ kind, value }));
const input = createInterface({ input: process.stdin });
const [line] = await once(input, "line");
const { url, key, token, mode, topic, filter } = JSON.parse(line);

const client = createClient(url, key);
if (token) await client.realtime.setAuth(token);

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

input.on("close", async () => {
  await client.removeAllChannels();
  process.exit(0);
});
