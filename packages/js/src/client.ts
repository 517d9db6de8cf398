// LiveUpdatesClient: connect, receive updates, disconnect.
import { type LiveUpdatesConfig, type Settings, settingsOf } from "./config.js";
import { CursorKeeper } from "./cursor.js";
import { Consumer } from "./engine/consumer.js";
import { reached } from "./engine/feed.js";
import { DisconnectedError, LiveUpdatesError } from "./errors.js";
import { acquire, type Lease } from "./shared.js";
import type { ConnectionState, StateCallback } from "./state.js";
import {
  type LiveUpdate,
  matches,
  type Reset,
  type StreamEvent,
  type UpdateFilter,
} from "./updates.js";

export type UpdateCallback = (update: LiveUpdate) => void | Promise<void>;
export type ResetCallback = (reset: Reset) => void | Promise<void>;

interface Connected extends Lease {
  settings: Settings;
  start: number | undefined;
  cursor: CursorKeeper | undefined;
}

/**
 * A client of one site: receives each of its updates once, in order, none missed.
 *
 *     const client = new LiveUpdatesClient();
 *     client.onUpdate((update) => console.log(update.collection, update.slug));
 *     await client.connect({ siteId, apiKey, apiUrl });
 *
 * or `for await (const update of client)`. An exception in a callback is logged and does not stop
 * the stream. Clients of the same site and key share one connection; each keeps its own place in
 * it.
 */
export class LiveUpdatesClient implements AsyncIterable<LiveUpdate> {
  #connected: Connected | undefined;
  #connecting = false;
  #state: ConnectionState;
  #iterated = false;
  #working: Promise<void> | undefined;
  readonly #consumers = new Set<Consumer>();
  readonly #updates = new Set<[UpdateFilter, UpdateCallback]>();
  readonly #resets = new Set<[ResetCallback]>();
  readonly #watchers = new Map<[StateCallback], (() => void) | undefined>();

  /** Pass `config` here or to `connect`; missing options are read from the environment. */
  constructor(private config: LiveUpdatesConfig = {}) {
    const siteId = config.siteId ?? "";
    this.#state = { connected: false, siteId, reconnectAttempts: 0, phase: "idle", log: "none" };
  }

  /**
   * Connects; resolves once the first token has arrived or the first attempt has failed.
   *
   * Throws ConfigurationError if waiting would not help. A failure that may pass by itself is
   * retried in the background: `state.error` describes it, `waitUntilLive` waits until it is over.
   */
  async connect(config: LiveUpdatesConfig = this.config): Promise<void> {
    if (this.#connected || this.#connecting)
      throw new LiveUpdatesError("This client is already connected: disconnect it first.");
    this.config = config;
    const settings = settingsOf(config);
    this.#connecting = true;
    try {
      const cursor = settings.cursor && new CursorKeeper(settings.cursor);
      const stored = await cursor?.load();
      const lease = acquire(settings);
      const start = stored ?? settings.start ?? lease.source.position;
      this.#connected = { ...lease, settings, start, cursor };
    } finally {
      this.#connecting = false;
    }
    const { source } = this.#connected;
    for (const key of this.#watchers.keys()) this.#watchers.set(key, source.state.watch(key[0]));
    if (this.#updates.size || this.#resets.size) this.#work();
    try {
      const begun = (state: ConnectionState) =>
        source.position !== undefined || state.phase === "backing off" || state.connected;
      await reached(source, begun, new AbortController().signal);
    } catch (error) {
      await this.disconnect();
      throw error;
    }
  }

  /** Disconnects, and ends callbacks and iterations. May be called twice, and from a callback. */
  async disconnect(): Promise<void> {
    const connected = this.#connected;
    if (!connected) return;
    this.#connected = undefined;
    this.#working = undefined;
    await connected.cursor?.note(this.#consumers, true);
    for (const consumer of this.#consumers) {
      consumer.end();
      connected.source.detach(consumer);
    }
    this.#consumers.clear();
    for (const [key, forget] of this.#watchers) {
      forget?.();
      this.#watchers.set(key, undefined);
    }
    this.#state = { ...connected.source.state.current, phase: "stopped", connected: false };
    await connected.release();
  }

  /** The state of the connection right now. */
  get state(): ConnectionState {
    return this.#connected?.source.state.current ?? this.#state;
  }

  /**
   * Resolves when the socket is joined, ready and caught up. If the client stops before that,
   * throws the error that stopped it; if the signal is aborted, its reason.
   */
  async waitUntilLive(options: { timeout?: number; signal?: AbortSignal } = {}): Promise<void> {
    const { timeout, signal } = options;
    const signals = [signal, timeout === undefined ? undefined : AbortSignal.timeout(timeout)];
    const { source } = this.#required();
    const bound = AbortSignal.any(signals.filter((one) => one !== undefined));
    await reached(source, (state) => state.connected, bound);
  }

  /** Calls back for every update that matches `filter`; returns a function that ends this. */
  onUpdate(callback: UpdateCallback, filter: UpdateFilter = {}): () => void {
    const entry: [UpdateFilter, UpdateCallback] = [filter, callback];
    this.#updates.add(entry);
    if (this.#connected) this.#work();
    return () => this.#updates.delete(entry);
  }

  /**
   * Calls back when updates were missed and cannot be recovered: fetch the content again. Returns a
   * function that ends this.
   */
  onReset(callback: ResetCallback): () => void {
    const entry: [ResetCallback] = [callback];
    this.#resets.add(entry);
    if (this.#connected) this.#work();
    return () => this.#resets.delete(entry);
  }

  /** Calls back whenever the state changes; returns a function that ends this. */
  onState(callback: StateCallback): () => void {
    const key: [StateCallback] = [callback];
    this.#watchers.set(key, this.#connected?.source.state.watch(callback));
    return () => {
      this.#watchers.get(key)?.();
      this.#watchers.delete(key);
    };
  }

  /**
   * Yields updates and resets, in order, until `disconnect`. The first iteration begins at the
   * position at which the client started, every later one with the next new update. Throws the
   * error that stopped the client.
   */
  async *events(): AsyncGenerator<StreamEvent, void, void> {
    const connected = this.#required();
    const consumer = this.#consumer(connected, !this.#iterated);
    this.#iterated = true;
    try {
      for (;;) {
        yield await consumer.get();
        consumer.done();
        await connected.cursor?.note(this.#consumers);
      }
    } catch (error) {
      if (!(error instanceof DisconnectedError)) throw error;
    } finally {
      connected.source.detach(consumer);
      this.#consumers.delete(consumer);
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<LiveUpdate, void, void> {
    for await (const event of this.events()) {
      if (event.event_type === "reset") warnAboutReset(event);
      else yield event;
    }
  }

  #required(): Connected {
    if (this.#connected) return this.#connected;
    throw new DisconnectedError("The client is not connected: await client.connect() first.");
  }

  #consumer({ source, settings, start }: Connected, fromStart: boolean): Consumer {
    const { timing, queueSize, overflow, filter } = settings;
    const consumer = new Consumer((...ask) => source.read(...ask), timing, {
      position: fromStart ? (start ?? source.origin) : undefined,
      size: queueSize,
      dropOldest: overflow === "drop_oldest",
      filter,
    });
    this.#consumers.add(consumer);
    source.attach(consumer);
    return consumer;
  }

  #work(): void {
    const connected = this.#required();
    this.#working ??= this.#callBack(connected, this.#consumer(connected, true));
  }

  async #callBack(connected: Connected, consumer: Consumer): Promise<void> {
    try {
      for (;;) {
        const event = await consumer.get();
        await this.#handle(event);
        consumer.done();
        await connected.cursor?.note(this.#consumers);
      }
    } catch (error) {
      if (!(error instanceof LiveUpdatesError)) throw error; // otherwise state.error describes it
    }
  }

  async #handle(event: StreamEvent): Promise<void> {
    if (event.event_type === "reset") {
      if (!this.#resets.size) warnAboutReset(event);
      for (const [callback] of [...this.#resets]) await callSafely(() => callback(event));
    } else
      for (const [filter, callback] of [...this.#updates])
        if (matches(filter, event)) await callSafely(() => callback(event));
  }
}

/** Logs a reset, for subscribers that have no callback for resets. */
function warnAboutReset({ reason, seq }: Reset): void {
  console.warn(
    `[spool-live] Updates were missed and cannot be recovered (${reason}; the stream goes on after ` +
      `${seq}): fetch the content again. Use onReset() or events() to handle this.`,
  );
}

async function callSafely(call: () => void | Promise<void>): Promise<void> {
  try {
    await call();
  } catch (error) {
    console.error("[spool-live] A handler of live updates failed:", error);
  }
}
