// The answer of `POST token/`: the token, and where and how to subscribe with it.
import { now } from "./timing.js";
import { integer, record, text, unknownAnswer } from "./updates.js";

/** The Realtime topic on which the database sends whole batches. */
export interface BroadcastChannel {
  mode: "broadcast";
  topic: string;
  private: boolean;
  event: string;
}

/** A Realtime topic bound to inserts into the table. */
export interface ChangesChannel {
  mode: "postgres_changes";
  topic: string;
  schema: string;
  table: string;
  event: "INSERT" | "*";
  filter: string | undefined;
}

/**
 * What `POST token/` answered. The token expires `lifetime` milliseconds after `receivedAt`, on the
 * monotonic clock, so that client and server need not agree on the time of day.
 */
export interface Token {
  jwt: string;
  siteId: string;
  epoch: number;
  seq: number;
  supabaseUrl: string;
  supabaseKey: string;
  channel: BroadcastChannel | ChangesChannel;
  lifetime: number;
  receivedAt: number;
}

/** Reads the JSON of `POST token/`. Throws IncompatibleServerError if a field is missing. */
export function parseToken(data: unknown, receivedAt = now()): Token {
  try {
    const answer = record(data);
    const lifetime = Number(answer.expires_in) * 1_000;
    if (!(lifetime > 0 && Number.isFinite(lifetime)))
      throw new TypeError("expires_in is not a time");
    return {
      jwt: text(answer.token, "token"),
      siteId: text(answer.site_id, "site_id").toLowerCase(),
      epoch: integer(answer.epoch, "epoch"),
      seq: integer(answer.seq, "seq"),
      supabaseUrl: text(answer.supabase_url, "supabase_url").replace(/\/+$/, ""),
      supabaseKey: text(answer.supabase_key, "supabase_key"),
      channel: channelOf(record(answer.realtime)),
      lifetime,
      receivedAt,
    };
  } catch (error) {
    throw unknownAnswer("token/", error);
  }
}

export function expired(token: Token): boolean {
  return now() >= token.receivedAt + token.lifetime;
}

/** Whether a socket that was joined with one token serves for the other, too. */
export function sameChannel(one: Token, other: Token): boolean {
  const place = ({ supabaseUrl, supabaseKey, channel }: Token) =>
    JSON.stringify([supabaseUrl, supabaseKey, channel]);
  return place(one) === place(other);
}

function channelOf(realtime: Record<string, unknown>): Token["channel"] {
  const { mode } = realtime;
  if (mode === "broadcast") {
    const options = record(realtime.broadcast);
    return {
      mode,
      topic: text(options.topic, "topic"),
      private: Boolean(options.private),
      event: text(options.event, "event"),
    };
  }
  if (mode !== "postgres_changes") throw new TypeError(`unknown realtime mode ${String(mode)}`);
  const options = record(realtime.postgres_changes);
  return {
    mode,
    topic: text(options.topic, "topic"),
    schema: text(options.schema, "schema"),
    table: text(options.table, "table"),
    event: text(options.event, "event") as ChangesChannel["event"],
    filter: options.filter == null ? undefined : text(options.filter, "filter"),
  };
}
