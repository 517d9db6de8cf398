// One joined channel, from its token to its end.
import { createClient, type RealtimeChannel, type SupabaseClient } from "@supabase/supabase-js";

import type { LiveToken, Update } from "./types";

const READY_PATIENCE = 5_000;

/** The site has moved on from `epoch`, as its keys changed: join again with a fresh token. */
export class Reauthenticate extends Error {
  constructor(readonly epoch: number) {
    super("the site's keys changed");
  }
}

export interface ChannelEvents {
  update(update: Update): void;
  /** Changes flow, perhaps again: what was missed meanwhile is in the log. */
  ready(): void;
  end(reason: Error): void;
}

/**
 * A private Realtime channel on which the site's updates arrive, in the mode that the token names.
 * After `close` it says nothing more.
 */
export class LiveChannel {
  #client: SupabaseClient;
  #open = true;

  constructor(
    private token: LiveToken,
    private readonly events: ChannelEvents,
  ) {
    this.#client = createClient(token.supabase_url, token.supabase_key, {
      // Without this callback supabase-js falls back to the public key at its first heartbeat.
      accessToken: () => Promise.resolve(this.token.token),
    });
  }

  async join(): Promise<void> {
    // Must be awaited: a join sent before it carries no token and is refused.
    await this.#client.realtime.setAuth(this.token.token);
    const { mode } = this.token.realtime;
    const channel = mode === "broadcast" ? this.#broadcasts() : this.#changes();
    channel
      .on("system", {}, (message: { status: string; message: string }) => {
        if (message.status === "ok") this.#say(() => this.events.ready());
        else this.#end(message.message);
      })
      .subscribe((status, error) => {
        // Servers that do not announce readiness get a while to become ready.
        if (status === "SUBSCRIBED")
          setTimeout(() => this.#say(() => this.events.ready()), READY_PATIENCE);
        else this.#end(error?.message ?? `channel ${status.toLowerCase().replace("_", " ")}`);
      });
  }

  /** Takes over a newer token without leaving. */
  async renew(token: LiveToken): Promise<void> {
    this.token = token;
    await this.#client.realtime.setAuth(token.token);
  }

  close(): void {
    this.#open = false;
    void this.#client.realtime.disconnect();
  }

  #broadcasts(): RealtimeChannel {
    const { topic, private: isPrivate, event } = this.token.realtime.broadcast;
    return this.#client
      .channel(topic, { config: { private: isPrivate, broadcast: { replication_ready: true } } })
      .on("broadcast", { event }, ({ payload }) =>
        this.#say(() => (payload as { changes: Update[] }).changes.forEach(this.events.update)),
      )
      .on("broadcast", { event: "reauthenticate" }, () =>
        this.#say(() => this.events.end(new Reauthenticate(this.token.epoch))),
      );
  }

  #changes(): RealtimeChannel {
    const { topic, schema, table, filter } = this.token.realtime.postgres_changes;
    return this.#client
      .channel(topic)
      .on("postgres_changes", { event: "INSERT", schema, table, filter }, (change) =>
        this.#say(() => this.events.update(change.new as Update)),
      );
  }

  #end(reason: string): void {
    this.#say(() => this.events.end(new Error(reason)));
  }

  #say(what: () => void): void {
    if (this.#open) what();
  }
}
