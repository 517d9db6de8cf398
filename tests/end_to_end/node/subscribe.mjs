// Subscribes with the unchanged supabase-js and prints what happens, one JSON value a line.
// Input on stdin: {url, key, token, mode: "broadcast" | "postgres_changes", topic, filter, document}
import { createClient } from "@supabase/supabase-js";
import { text } from "node:stream/consumers";

const say = (kind, value) => console.log(JSON.stringify({ kind, value }));
const { url, key, token, mode, topic, filter } = JSON.parse(await text(process.stdin));

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

process.on("SIGTERM", async () => {
  await client.removeAllChannels();
  process.exit(0);
});
