// The stream: one sequencer, and the consumers that receive its events.
import type { LiveUpdatesError } from "../errors.js";
import type { StateHolder } from "../state.js";
import type { LiveUpdate, StreamEvent } from "../updates.js";
import type { Consumer } from "./consumer.js";
import { type Page, Sequencer } from "./sequencer.js";
import { Bell } from "./waiting.js";

/** Called after the consumers, with the positions before and after, and the events in between. */
export type Follower = (from: number, events: readonly StreamEvent[], to: number) => void;

/** The site's updates in order, in this process. `origin` is the position it began with. */
export class Stream {
  origin: number | undefined;
  follower: Follower | undefined;
  #sequencer: Sequencer | undefined;
  readonly #consumers = new Set<Consumer>();
  readonly #started = new Bell();

  constructor(private readonly state: StateHolder) {}

  /** The last sequence number that was delivered; undefined before the first token. */
  get position(): number | undefined {
    return this.#sequencer?.position;
  }

  get gapBefore(): number | null {
    return this.#sequencer?.gapBefore ?? null;
  }

  /** Resolves once `start` has been called. */
  async started(signal: AbortSignal): Promise<void> {
    while (!this.#sequencer) await this.#started.wait(signal);
  }

  /** Begins after this sequence number. Only the first call has an effect. */
  start(position: number): void {
    if (this.#sequencer) return;
    this.origin = position;
    this.#sequencer = new Sequencer(position);
    for (const consumer of this.#consumers) consumer.start(position);
    this.#started.ring();
  }

  receive(updates: readonly LiveUpdate[]): void {
    this.#change((sequencer) => sequencer.receive(updates));
  }

  absorb(page: Page): void {
    this.#change((sequencer) => sequencer.absorb(page));
  }

  /** Skips the gap, because the log has nothing for it. */
  acceptGap(): void {
    this.#change((sequencer) => sequencer.acceptGap());
  }

  /** Adds a consumer. It reads from the log what it has missed. */
  attach(consumer: Consumer): void {
    this.#consumers.add(consumer);
    if (this.position !== undefined) consumer.start(this.position);
  }

  detach(consumer: Consumer): void {
    this.#consumers.delete(consumer);
  }

  /** Ends all consumers: they hand out what is queued, then throw `error`. */
  end(error?: LiveUpdatesError): void {
    for (const consumer of this.#consumers) consumer.end(error);
  }

  #change(act: (sequencer: Sequencer) => StreamEvent[]): void {
    if (!this.#sequencer) return;
    const from = this.#sequencer.position;
    const events = act(this.#sequencer);
    for (const event of events) {
      if (event.event_type !== "reset") this.state.update({ lastUpdate: event.timestamp });
      for (const consumer of this.#consumers) consumer.offer(event);
    }
    const to = this.#sequencer.position;
    if (events.length || to !== from) this.follower?.(from, events, to);
  }
}
