// The log of updates, read from the CMS, or in part from Supabase while the CMS does not answer.
import { type ContentApi, fetchJson } from "../api.js";
import {
  type LiveUpdatesError,
  RateLimitedError,
  ServerUnreachableError,
  type TransientError,
} from "../errors.js";
import type { LogSource } from "../state.js";
import type { Timing } from "../timing.js";
import { expired, type Token } from "../token.js";
import { type LiveUpdate, parseUpdate } from "../updates.js";
import type { Page } from "./sequencer.js";

export const PAGE_SIZE = 500;
const COLUMNS = "id,site_id,event_type,collection,slug,item_id,timestamp,metadata,seq";

/**
 * Answers "what came after N?": from the CMS, or else from PostgREST with an unexpired token.
 * `source` is where the last answer came from, `trouble` the error if that was not the CMS.
 */
export class UpdateLog {
  source: LogSource = "none";
  trouble: LiveUpdatesError | undefined;

  constructor(
    private readonly api: ContentApi,
    private readonly token: () => Token | undefined,
    private readonly timing: Timing,
  ) {}

  /** Whether an update that the last answer does not show does not exist. */
  get proves(): boolean {
    return this.trouble === undefined;
  }

  /** Reads the page after this number. Throws the CMS's error if neither source can be read. */
  async read(after: number, limit: number, signal: AbortSignal): Promise<Page> {
    if (!this.api.hasLog) return this.#readSupabaseOnly(after, limit, signal);
    try {
      const page = await this.api.updates(after, limit, this.token()?.jwt, signal);
      this.#note("cms");
      return page;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof ServerUnreachableError) {
        const rows = await this.#rows(after, limit, signal).catch(() => undefined);
        const page = rows && contiguousPage(rows, after);
        this.#note(page ? "postgrest" : "none", error);
        if (page) return page;
      } else if (error instanceof RateLimitedError) this.#note("none", error);
      throw error;
    }
  }

  /** Reads Supabase's table as the only log: a gap in it is permanent, and causes a reset. */
  async #readSupabaseOnly(after: number, limit: number, signal: AbortSignal): Promise<Page> {
    let rows: LiveUpdate[];
    try {
      rows = await this.#rows(after, limit, signal);
    } catch (error) {
      signal.throwIfAborted();
      const trouble =
        error instanceof ServerUnreachableError
          ? error
          : new ServerUnreachableError(`The table of updates cannot be read: ${String(error)}`);
      this.#note("none", trouble);
      throw trouble;
    }
    this.#note("postgrest");
    const page = contiguousPage(rows, after);
    if (page) return page;
    const seq = rows[0]!.seq! - 1;
    return { updates: [], seq, next: seq, reset: true, epoch: null };
  }

  #note(source: LogSource, trouble?: TransientError): void {
    this.source = source;
    this.trouble = trouble;
  }

  async #rows(after: number, limit: number, signal: AbortSignal): Promise<LiveUpdate[]> {
    const token = this.token();
    if (!token || expired(token)) throw new ServerUnreachableError("There is no token.");
    const query = new URLSearchParams({
      select: COLUMNS,
      site_id: `eq.${token.siteId}`,
      seq: `gt.${after}`,
      order: "seq.asc",
      limit: String(limit),
    });
    const rows = await fetchJson(`${token.supabaseUrl}/rest/v1/live_updates?${query}`, {
      headers: { apikey: token.supabaseKey, Authorization: `Bearer ${token.jwt}` },
      signal: AbortSignal.any([signal, AbortSignal.timeout(this.timing.request)]),
      cache: "no-store",
    });
    if (!Array.isArray(rows)) throw new TypeError("the rows are not a list");
    return rows.map(parseUpdate);
  }
}

/**
 * A page of the updates that follow `after` without a gap; undefined if the very next one is
 * missing. Supabase's table lacks updates that it refused and those older than an hour, so a gap in
 * it proves nothing.
 */
export function contiguousPage(rows: readonly LiveUpdate[], after: number): Page | undefined {
  let length = 0;
  while (length < rows.length && rows[length]!.seq === after + length + 1) length += 1;
  if (rows.length && !length) return undefined;
  const last = after + length;
  const next = length && length === rows.length ? last : null;
  return { updates: rows.slice(0, length), seq: last, next, reset: false, epoch: null };
}
