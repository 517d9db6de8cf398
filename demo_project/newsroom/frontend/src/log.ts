// The log is the truth, the socket only a doorbell: a cursor, and nothing twice.
import type { SiteServer } from "./server";
import type { Road, Update } from "./types";

const REMEMBERED = 2_000;

export interface Reader {
  /** Each update once. */
  update(update: Update, road: Road): void;
  /** The log does not reach back to where the page stands: read everything anew. */
  reload(): Promise<void>;
}

export class UpdateLog {
  #cursor: number | null = null;
  #seen = new Set<string>();
  #reading: Promise<void> | null = null;
  #readAgain = false;
  /** The site's epoch, as the log last told it. */
  epoch = 0;

  constructor(
    private readonly server: SiteServer,
    private readonly reader: Reader,
  ) {}

  /** Hands `update` on unless it is known; true where something before it is missing. */
  receive(update: Update, road: Road): boolean {
    const gap = this.#advance(update.seq, road);
    if (!this.#seen.has(update.id)) {
      this.#remember(update.id);
      this.reader.update(update, road);
    }
    return gap;
  }

  /** Reads from the cursor to the end. One reader at a time; a second call makes it look again. */
  catchUp(): Promise<void> {
    this.#readAgain = true;
    this.#reading ??= this.#read().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #read(): Promise<void> {
    while (this.#readAgain) {
      this.#readAgain = false;
      const page = await this.server.updates(this.#cursor);
      this.epoch = page.epoch;
      if (this.#cursor === null || page.status === "reset") {
        this.#cursor = page.seq;
        await this.reader.reload();
        continue;
      }
      page.results.forEach((update) => this.receive(update, "catch-up"));
      if (page.next !== null) {
        this.#cursor = Math.max(this.#cursor, page.next);
        this.#readAgain = true;
      }
    }
  }

  /** The live cursor moves without gaps only; the log itself may jump. */
  #advance(seq: number | null, road: Road): boolean {
    if (seq === null || this.#cursor === null || seq <= this.#cursor) return false;
    const gap = road === "live" && seq !== this.#cursor + 1;
    if (!gap) this.#cursor = seq;
    return gap;
  }

  #remember(id: string): void {
    this.#seen.add(id);
    if (this.#seen.size > REMEMBERED) this.#seen.delete(this.#seen.values().next().value!);
  }
}
