// One socket for all tabs of a browser. The tab that holds a Web Lock connects, and passes its
// events on to the others over a BroadcastChannel. When it closes, the next in the queue takes over
// at its position. A tab that missed a message notices that by the positions, and reads the log
// itself.
import type { Settings } from "../config.js";
import type { Consumer } from "../engine/consumer.js";
import { Feed, type Source } from "../engine/feed.js";
import type { Page } from "../engine/sequencer.js";
import { sleep } from "../engine/waiting.js";
import { LiveUpdatesError } from "../errors.js";
import { onWake } from "../platform/wake.js";
import { type ConnectionState, hasEnded, StateHolder } from "../state.js";
import type { StreamEvent } from "../updates.js";

const PROTOCOL = 1;
const ASK_EVERY = 5_000;
const SILENCE = 2; // a leader that does not answer this many questions is frozen

type Message =
  | { kind: "who" }
  | { kind: "here"; position: number | undefined; state: ConnectionState }
  | { kind: "events"; from: number; events: readonly StreamEvent[]; to: number };

export class TabFeed implements Source {
  readonly state: StateHolder;
  position: number | undefined;
  origin: number | undefined;
  error: LiveUpdatesError | undefined;
  #feed: Feed;
  #leads = false;
  #unanswered = 0;
  readonly #name: string;
  readonly #channel: BroadcastChannel;
  readonly #consumers = new Set<Consumer>();
  readonly #scope = new AbortController();

  /** Whether tabs of this browser can share (Web Locks need a secure context). */
  static isPossible(): boolean {
    return typeof BroadcastChannel !== "undefined" && Boolean(globalThis.navigator?.locks);
  }

  constructor(private readonly settings: Settings) {
    this.#name = `spool-live/${PROTOCOL}\n${settings.tabsKey}`;
    this.state = new StateHolder(settings.siteId ?? "");
    this.#feed = new Feed(settings);
    this.#channel = new BroadcastChannel(this.#name);
    this.#channel.onmessage = ({ data }: MessageEvent<Message>) => this.#receive(data);
  }

  read(after: number, limit: number, signal: AbortSignal): Promise<Page> {
    return this.#feed.read(after, limit, signal);
  }

  attach(consumer: Consumer): void {
    this.#consumers.add(consumer);
    if (this.position !== undefined) consumer.start(this.position);
  }

  detach(consumer: Consumer): void {
    this.#consumers.delete(consumer);
  }

  start(): void {
    this.state.update({ phase: "connecting" });
    this.#post({ kind: "who" });
    void this.#queue({ signal: this.#scope.signal });
    this.#watchLeader().catch(() => {}); // it ends with the scope
  }

  async stop(): Promise<void> {
    this.#scope.abort();
    this.#end();
    await this.#feed.stop();
    this.#channel.close();
  }

  /** Waits for the lock, then leads until this tab closes or another steals the lock. */
  async #queue(options: LockOptions): Promise<void> {
    try {
      await navigator.locks.request(this.#name, options, () => this.#lead());
    } catch {
      if (this.#scope.signal.aborted) return;
      // Stolen while this page was frozen: follow from now on, and queue for the lock again.
      this.#leads = false;
      void this.#feed.stop();
      this.#feed = new Feed(this.settings);
      this.#post({ kind: "who" });
      void this.#queue({ signal: this.#scope.signal });
    }
  }

  async #lead(): Promise<void> {
    if (this.#scope.signal.aborted || this.error) return;
    const feed = this.#feed;
    this.#leads = true;
    feed.stream.follower = (from, events, to) => {
      if (!this.#leads || feed !== this.#feed) return;
      this.#deliver(from, events, to);
      this.#post({ kind: "events", from, events, to });
    };
    feed.state.watch((state) => {
      if (!this.#leads || feed !== this.#feed || this.#scope.signal.aborted) return;
      if (feed.position !== undefined) this.#begin(feed.position);
      this.#follow(state);
      this.#introduce();
    });
    feed.start(this.position);
    await feed.ended();
  }

  #receive(message: Message): void {
    if (message.kind === "who") {
      if (this.#leads) this.#introduce();
      return;
    }
    if (this.#leads) return;
    this.#unanswered = 0;
    if (message.kind === "events") this.#deliver(message.from, message.events, message.to);
    else {
      if (message.position !== undefined) this.#deliver(message.position, [], message.position);
      this.#follow(message.state);
    }
  }

  /** Asks at intervals whether there is a leader; steals the lock from one that is frozen. */
  async #watchLeader(): Promise<void> {
    const { signal } = this.#scope;
    const forget = onWake(() => this.#post({ kind: "who" }));
    signal.addEventListener("abort", forget);
    for (;;) {
      await sleep(ASK_EVERY, signal);
      if (this.#leads || document.visibilityState === "hidden") this.#unanswered = 0;
      else if (this.#unanswered++ < SILENCE) this.#post({ kind: "who" });
      else {
        this.#unanswered = 0;
        void this.#queue({ steal: true });
      }
    }
  }

  #introduce(): void {
    this.#post({ kind: "here", position: this.position, state: this.#feed.state.current });
  }

  #begin(position: number): void {
    if (this.position !== undefined) return;
    this.position = this.origin = position;
    for (const consumer of this.#consumers) consumer.start(position);
  }

  /** Delivers the events between two positions. */
  #deliver(from: number, events: readonly StreamEvent[], to: number): void {
    this.#begin(from);
    const missed = from > this.position!;
    if (events.some(({ event_type }) => event_type === "reset") || to > this.position!)
      this.position = to;
    for (const consumer of this.#consumers) {
      if (missed) consumer.start(to);
      else for (const event of events) consumer.offer(event);
    }
  }

  /** Takes over the leader's state, and the error that ended it: all tabs share its credentials. */
  #follow(state: ConnectionState): void {
    const { connected: _, ...fields } = state;
    if (hasEnded(state)) this.error ??= this.#feed.error ?? new LiveUpdatesError(state.error);
    this.state.update(fields);
    if (this.error) this.#end();
  }

  #end(): void {
    for (const consumer of this.#consumers) consumer.end(this.error);
    if (!hasEnded(this.state.current)) this.state.update({ phase: "stopped" });
  }

  #post(message: Message): void {
    if (!this.#scope.signal.aborted) this.#channel.postMessage(message);
  }
}
