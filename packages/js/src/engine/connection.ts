// One socket with one channel, built on the official `@supabase/realtime-js`; opened only once.
//
// The official client rejoins with stale tokens, reports SUBSCRIBED before changes are delivered,
// and silently ends a channel when its token expires. So it does not reconnect here: its callbacks
// report to `events`, and the supervisor discards the whole connection after any error.
import { webSocket } from "#platform";
import { RealtimeClient, type RealtimeChannel } from "@supabase/realtime-js";

import { RealtimeUnavailableError, type TransientError } from "../errors.js";
import type { Timing } from "../timing.js";
import type { BroadcastChannel, ChangesChannel, Token } from "../token.js";
import { type LiveUpdate, parseUpdate, record } from "../updates.js";
import { channelError, socketError } from "./refusals.js";
import { deferred, sleep } from "./waiting.js";

const NEVER = 2 ** 31 - 1;

/** The socket inside newer versions of realtime-js, which is not part of their API. */
interface PhoenixSocket {
  disconnect(callback: () => void): void;
}

export interface ConnectionEvents {
  /** The server reports that changes are delivered from now on; it may repeat this. */
  ready(): void;
  /** Updates have arrived. */
  received(updates: LiveUpdate[]): void;
  /** Something arrived that cannot be read: it has to be read from the log. */
  doorbell(): void;
  /** The site moves to another epoch: fetch a new token. */
  reauthenticate(): void;
  /** The connection cannot be used any more. Called once, and as the last callback. */
  lost(error: TransientError): void;
}

export class RealtimeConnection {
  readonly #client: RealtimeClient;
  readonly #joined = deferred();
  #open = true;
  #socketError = "";
  #systemMessage = "";
  #onHeartbeat: ((status: string) => void) | undefined;

  constructor(
    public token: Token,
    private readonly events: ConnectionEvents,
    private readonly timing: Timing,
  ) {
    const transport = webSocket((message) => {
      this.#socketError = message;
    });
    this.#client = new RealtimeClient(`${token.supabaseUrl.replace(/^http/, "ws")}/realtime/v1`, {
      params: { apikey: token.supabaseKey },
      // The callback, not setAuth(token): the next heartbeat discards a token that was set by hand.
      accessToken: () => Promise.resolve(this.token.jwt),
      timeout: timing.join,
      heartbeatIntervalMs: timing.heartbeat,
      heartbeatCallback: (status) => this.#onHeartbeat?.(status),
      reconnectAfterMs: () => NEVER,
      ...(transport && { transport }),
    });
    this.#joined.promise.catch(() => {}); // `lost` reports it, even if `join` was not called
  }

  /** Connects and joins. Rejects with the error that `lost` is called with. */
  async join(signal: AbortSignal): Promise<void> {
    await this.#client.setAuth(); // must be done first: an earlier join would not have a token
    const { channel } = this.token;
    const bound = channel.mode === "broadcast" ? this.#broadcasts(channel) : this.#changes(channel);
    bound
      .on("system", {}, (message: unknown) => this.#onSystem(message))
      .subscribe((status, error) => this.#onStatus(status, error));
    await Promise.race([this.#joined.promise, this.#tooLate(signal)]);
  }

  /** Sends a fresh token to the server; a different one also revives a dead subscription. */
  async renew(token: Token): Promise<void> {
    this.token = token;
    await this.#client.setAuth();
  }

  /** Sends a heartbeat; the connection is lost unless the server answers in time. */
  async probe(signal: AbortSignal): Promise<void> {
    const answered = new Promise<void>((resolve) => {
      this.#onHeartbeat = (status) => status === "ok" && resolve();
    });
    await this.#client.sendHeartbeat();
    await Promise.race([
      answered,
      sleep(this.timing.probe, signal).then(() =>
        this.#lose(new RealtimeUnavailableError("Realtime does not answer a heartbeat.")),
      ),
    ]);
  }

  close(): void {
    this.#open = false;
    for (const channel of this.#client.getChannels()) channel.teardown?.();
    disconnect(this.#client);
  }

  #broadcasts({ topic, private: isPrivate, event }: BroadcastChannel): RealtimeChannel {
    const broadcast = { replication_ready: true } as object; // older versions do not declare it
    return this.#client
      .channel(topic, { config: { private: isPrivate, broadcast } })
      .on("broadcast", { event }, (message) => this.#receive(() => changesOf(message)))
      .on("broadcast", { event: "reauthenticate" }, () => this.#emit("reauthenticate"));
  }

  #changes({ topic, schema, table, event, filter }: ChangesChannel): RealtimeChannel {
    const binding = { event: event as "INSERT", schema, table, ...(filter && { filter }) };
    return this.#client
      .channel(topic)
      .on("postgres_changes", binding, (change) => this.#receive(() => [change.new]));
  }

  #onStatus(status: string, error: Error | undefined): void {
    if (status === "SUBSCRIBED") {
      this.#joined.resolve();
      return;
    }
    const reason = this.#systemMessage || messageOf(error);
    this.#lose(
      this.#client.isConnected()
        ? channelError(status, reason)
        : socketError(this.token.supabaseUrl, this.#socketError),
    );
  }

  #onSystem(message: unknown): void {
    const { status, message: text } = message as { status?: string; message?: unknown };
    if (status === "ok") {
      if (/^(Subscribed to PostgreSQL|Replication connection established)$/.test(String(text)))
        this.#emit("ready");
      return;
    }
    this.#systemMessage = String(text); // a close may follow, without a reason
    this.#lose(channelError("system", this.#systemMessage));
  }

  #receive(read: () => unknown[]): void {
    if (!this.#open) return;
    try {
      this.events.received(read().map(parseUpdate));
    } catch (error) {
      if (!(error instanceof TypeError)) throw error;
      this.events.doorbell();
    }
  }

  #emit(name: "ready" | "reauthenticate"): void {
    if (this.#open) this.events[name]();
  }

  #lose(error: TransientError): void {
    if (!this.#open) return;
    this.close();
    this.#joined.reject(error);
    this.events.lost(error);
  }

  /** Rejects when the join takes too long: realtime-js times it only once the socket is open. */
  async #tooLate(signal: AbortSignal): Promise<never> {
    await sleep(this.timing.join, signal);
    const error = socketError(this.token.supabaseUrl, this.#socketError || "no answer");
    this.#lose(error);
    throw error;
  }
}

/** Closes the socket. With realtime-js's own method a Node process would stay alive for 10 s. */
function disconnect(client: RealtimeClient): void {
  const { socketAdapter } = client as unknown as {
    socketAdapter?: { getSocket?(): PhoenixSocket };
  };
  const socket = socketAdapter?.getSocket?.();
  if (socket) socket.disconnect(() => {});
  else void client.disconnect();
}

function changesOf(message: unknown): unknown[] {
  const { changes } = record(record(message).payload);
  if (!Array.isArray(changes)) throw new TypeError("changes is not a list");
  return changes;
}

/** The server's reason, which older versions wrap in JSON. */
function messageOf(error: Error | undefined): string {
  const cause = error?.cause as { reason?: unknown } | undefined;
  return String(cause?.reason ?? error?.message ?? "");
}
