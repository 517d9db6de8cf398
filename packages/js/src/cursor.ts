// Where a subscriber stopped, kept across restarts.
//
// The cursor is saved after an update was handled, so that a crash in between repeats some updates:
// across crashes delivery is at least once, within one life of the process it is once.
import { readText, replaceText } from "#platform";
import { ConfigurationError } from "./errors.js";
import { now } from "./timing.js";
import { integer, record } from "./updates.js";

const SAVE_INTERVAL = 1_000;

/** Anything that keeps one number. `load` gives null (or undefined) where nothing was saved yet. */
export interface CursorStore {
  load(): number | null | undefined | Promise<number | null | undefined>;
  save(seq: number): void | Promise<void>;
}

/** Keeps the position in this process under a name, e.g. across the hot reloads of a dev server. */
export function memoryCursor(name = "default"): CursorStore {
  const kept: Map<string, number> = ((globalThis as Record<symbol, unknown>)[
    Symbol.for("spool-live.cursors")
  ] ??= new Map()) as Map<string, number>;
  return { load: () => kept.get(name), save: (seq) => void kept.set(name, seq) };
}

/** Keeps the position in a small JSON file, replaced atomically. For Node. */
export function fileCursor(path: string, siteId: string): CursorStore {
  return {
    async load() {
      const content = await readText(path);
      if (content === null) return null;
      let site: unknown, seq: number;
      try {
        const data = record(JSON.parse(content));
        site = data.site_id;
        seq = integer(data.seq, "seq");
      } catch (error) {
        throw new ConfigurationError(
          `${path} is not a cursor file (${(error as Error).message}): delete it to begin with what ` +
            "is new.",
        );
      }
      if (site !== siteId)
        throw new ConfigurationError(
          `${path} belongs to site ${site}: use one cursor file per site.`,
        );
      return seq;
    },
    save: (seq) => replaceText(path, JSON.stringify({ site_id: siteId, seq })),
  };
}

/** What a place in the stream reports to its keeper. */
export interface Progress {
  readonly cursor: number | undefined;
  readonly idle: boolean;
}

/**
 * Saves how far all consumers of a client have come: when they are idle, or every second. A store
 * that fails is reported and tried again with the next update.
 */
export class CursorKeeper {
  #saved: number | null | undefined;
  #savedAt = -Infinity;
  #saving: Promise<void> = Promise.resolve();

  constructor(private readonly store: CursorStore) {}

  /** What the store has. Throws ConfigurationError for anything but a sequence number. */
  async load(): Promise<number | undefined> {
    const loaded = await this.store.load();
    if (loaded == null) return undefined;
    if (!Number.isSafeInteger(loaded) || loaded < 0)
      throw new ConfigurationError(
        `The cursor store gave ${loaded}, which is not a sequence number.`,
      );
    this.#saved = loaded;
    return loaded;
  }

  /** Save the least of their cursors, if it moved and it is time. One save runs at a time. */
  note(consumers: Iterable<Progress>, final = false): Promise<void> {
    this.#saving = this.#saving.then(() => this.#save([...consumers], final));
    return this.#saving;
  }

  async #save(consumers: Progress[], final: boolean): Promise<void> {
    const due = final || now() - this.#savedAt >= SAVE_INTERVAL;
    if (!due && !consumers.every((consumer) => consumer.idle)) return;
    const cursors = consumers.map((consumer) => consumer.cursor);
    if (!cursors.length || cursors.includes(undefined)) return;
    const least = Math.min(...(cursors as number[]));
    if (least === this.#saved) return;
    try {
      await this.store.save(least);
      this.#saved = least;
      this.#savedAt = now();
    } catch (error) {
      console.error("[spool-live] The cursor could not be saved:", error);
    }
  }
}
