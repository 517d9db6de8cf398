// One socket, one channel, built on the official `@supabase/realtime-js`; only ever opened once.
//
// The official client rejoins with stale tokens, says SUBSCRIBED before changes flow, and ends a
// channel without a word when its token expires. So it does not reconnect here: its callbacks report
// to `events`, and after any error the whole connection is thrown away by the supervisor.
import { webSocket } from "#platform";
import { RealtimeClient, type RealtimeChannel } from "@supabase/realtime-js";

import { RealtimeUnavailableError, type TransientError } from "../errors.js";
import type { Timing } from "../timing.js";
import type { BroadcastChannel, ChangesChannel, Token } from "../token.js";
import { type LiveUpdate, parseUpdate, record } from "../updates.js";
import { channelError, socketError } from "./refusals.js";
import { deferred, sleep } from "./waiting.js";

const NEVER = 2 ** 31 - 1;

/** What newer versions of realtime-js are built on, and do not show. */
interface PhoenixSocket {
  disconnect(callback: () => void): void;
}

export interface ConnectionEvents {
  /** The server says that changes flow from now on; it may say so again and again. */
  ready(): void;
  received(updates: LiveUpdate[]): void;
  /** Something came that cannot be read: the log has it. */
  doorbell(): void;
  /** The site moves to another epoch: fetch a new token. */
  reauthenticate(): void;
  /** The connection is of no use any more. Called once, and nothing is called after it. */
  lost(error: TransientError): void;
}

export class RealtimeConnection {
  readonly #client: RealtimeClient;
  readonly #joined = deferred();
  #open = true;
  #socketSaid = "";
  #systemSaid = "";
  #onHeartbeat: ((status: string) => void) | undefined;

  constructor(
    public token: Token,
    private readonly events: ConnectionEvents,
    private readonly timing: Timing,
  ) {
    const transport = webSocket((message) => {
      this.#socketSaid = message;
    });
    this.#client = new RealtimeClient(`${token.supabaseUrl.replace(/^http/, "ws")}/realtime/v1`, {
      params: { apikey: token.supabaseKey },
      // The callback, not setAuth(token): what is set by hand is forgotten at the next heartbeat.
      accessToken: () => Promise.resolve(this.token.jwt),
      timeout: timing.join,
      heartbeatIntervalMs: timing.heartbeat,
      heartbeatCallback: (status) => this.#onHeartbeat?.(status),
      reconnectAfterMs: () => NEVER,
      ...(transport && { transport }),
    });
    this.#joined.promise.catch(() => {}); // `lost` reports it, whether or not somebody joins
  }

  /** Connects and joins. Rejects with the error that `lost` is called with. */
  async join(signal: AbortSignal): Promise<void> {
    await this.#client.setAuth(); // must be done first: a join sent before it carries no token
    const { channel } = this.token;
    const bound = channel.mode === "broadcast" ? this.#broadcasts(channel) : this.#changes(channel);
    bound
      .on("system", {}, (message: unknown) => this.#onSystem(message))
      .subscribe((status, error) => this.#onStatus(status, error));
    await Promise.race([this.#joined.promise, this.#tooLate(signal)]);
  }

  /** Hands the server a fresh token; a different one also wakes a dead subscription. */
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
    const reason = this.#systemSaid || messageOf(error);
    this.#lose(
      this.#client.isConnected()
        ? channelError(status, reason)
        : socketError(this.token.supabaseUrl, this.#socketSaid),
    );
  }

  #onSystem(message: unknown): void {
    const { status, message: said } = message as { status?: string; message?: unknown };
    if (status === "ok") {
      if (/^(Subscribed to PostgreSQL|Replication connection established)$/.test(String(said)))
        this.#emit("ready");
      return;
    }
    this.#systemSaid = String(said); // a close may follow, without a reason
    this.#lose(channelError("system", this.#systemSaid));
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

  /** realtime-js gives a join its time only once the socket is open. */
  async #tooLate(signal: AbortSignal): Promise<never> {
    await sleep(this.timing.join, signal);
    const error = socketError(this.token.supabaseUrl, this.#socketSaid || "no answer");
    this.#lose(error);
    throw error;
  }
}

/** Closes the socket. What is left of realtime-js's own way would hold a Node process for 10 s. */
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
