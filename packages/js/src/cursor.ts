// Cursors: the position of a subscriber, kept across restarts.
//
// The cursor is saved after an update was handled. If the process crashes in between, some updates
// are delivered again: at least once across crashes, exactly once while the process runs.
import { readText, replaceText } from "#platform";
import { ConfigurationError } from "./errors.js";
import { now } from "./timing.js";
import { integer, record } from "./updates.js";

const SAVE_INTERVAL = 1_000;

/** Anything that keeps one number. `load` returns null or undefined if nothing was saved yet. */
export interface CursorStore {
  load(): number | null | undefined | Promise<number | null | undefined>;
  save(seq: number): void | Promise<void>;
}

/** Keeps the position in this process under a name, e.g. across the hot reloads of a dev server. */
export function memoryCursor(name = "default"): CursorStore {
  const positions: Map<string, number> = ((globalThis as Record<symbol, unknown>)[
    Symbol.for("spool-live.cursors")
  ] ??= new Map()) as Map<string, number>;
  return { load: () => positions.get(name), save: (seq) => void positions.set(name, seq) };
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

/** How far a consumer has come, as the keeper reads it. */
export interface Progress {
  readonly cursor: number | undefined;
  readonly idle: boolean;
}

/**
 * Saves the position that all consumers of a client have reached: when idle, or every second. If
 * the store fails, the error is logged, and the next update is another attempt.
 */
export class CursorKeeper {
  #saved: number | null | undefined;
  #savedAt = -Infinity;
  #saving: Promise<void> = Promise.resolve();

  constructor(private readonly store: CursorStore) {}

  /** The stored position, if any. Throws ConfigurationError if it is not a sequence number. */
  async load(): Promise<number | undefined> {
    const loaded = await this.store.load();
    if (loaded == null) return undefined;
    if (!Number.isSafeInteger(loaded) || loaded < 0)
      throw new ConfigurationError(
        `The cursor store returned ${loaded}, which is not a sequence number.`,
      );
    this.#saved = loaded;
    return loaded;
  }

  /** Saves the smallest cursor, if it has moved and a save is due. One save runs at a time. */
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
