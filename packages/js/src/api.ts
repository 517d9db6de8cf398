// The CMS over HTTP: token and catch-up. Every failure becomes a LiveUpdatesError.
import {
  IncompatibleServerError,
  InvalidCredentialsError,
  LiveUpdatesError,
  RateLimitedError,
  ServerUnreachableError,
  TransientError,
  WrongSiteError,
} from "./errors.js";
import type { Page } from "./engine/sequencer.js";
import { now } from "./timing.js";
import { parseToken, type Token } from "./token.js";
import { integer, parseUpdate, record, unknownAnswer } from "./updates.js";

const DEFAULT_RETRY_AFTER = 60_000;
const FINAL_CODES = new Set(["invalid_credentials", "not_authenticated"]);
const RIGHT_URL = "SPOOL_API_URL must be the address where spool_live.urls is mounted.";

/** Fetches the JSON of `POST token/`. Tokens of `staleEpoch` cannot be used any more. */
export type GetToken = (options: {
  signal: AbortSignal;
  staleEpoch: number | undefined;
}) => Promise<unknown>;

/** Fetches the JSON of `GET updates/`. `token` is the current one, if there is one. */
export type GetUpdates = (options: {
  after: number;
  limit: number;
  token: string | undefined;
  signal: AbortSignal;
}) => Promise<unknown>;

/**
 * The requests to the CMS, made directly or through the subscriber's own server.
 *
 * After the first token the address and the key are known to be right, and a bad answer may come
 * from a deployment: from then on only the CMS's own refusal of the key is final.
 */
export class ContentApi {
  #known = false;

  constructor(
    private readonly getToken: GetToken,
    private readonly getUpdates: GetUpdates | undefined,
    private readonly siteId: string | undefined,
    private readonly timeout: number,
    /** Set if the log is read with a token: a refusal then concerns the token, and is not final. */
    private readonly onTokenRefused: (() => void) | undefined,
  ) {}

  /** Whether there is a log other than the table in Supabase. */
  get hasLog(): boolean {
    return this.getUpdates !== undefined;
  }

  /** Fetches a fresh token. */
  async token(staleEpoch: number | undefined, signal: AbortSignal): Promise<Token> {
    const askedAt = now();
    return this.#ask(signal, async (limited) => {
      const token = parseToken(await this.getToken({ signal: limited, staleEpoch }), askedAt);
      if (this.siteId && token.siteId !== this.siteId)
        throw new WrongSiteError(this.siteId, token.siteId);
      this.#known = true;
      return token;
    });
  }

  /** Fetches one page of the log: at most `limit` updates after this sequence number. */
  updates(
    after: number,
    limit: number,
    token: string | undefined,
    signal: AbortSignal,
  ): Promise<Page> {
    const asking = this.#ask(signal, async (limited) => {
      const answer = await this.getUpdates!({ after, limit, token, signal: limited });
      return parsePage(answer, after, this.siteId);
    });
    return asking.catch((error) => {
      if (!this.onTokenRefused || !(error instanceof InvalidCredentialsError)) throw error;
      this.onTokenRefused();
      throw new ServerUnreachableError("The CMS does not accept this token.", { cause: error });
    });
  }

  async #ask<T>(signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(this.timeout)]);
    try {
      return await ask(limited);
    } catch (error) {
      signal.throwIfAborted();
      throw this.#asLiveUpdatesError(error);
    }
  }

  #asLiveUpdatesError(error: unknown): LiveUpdatesError {
    if (error instanceof InvalidCredentialsError || error instanceof TransientError) return error;
    if (error instanceof LiveUpdatesError)
      return this.#known ? new ServerUnreachableError(error.message, { cause: error }) : error;
    const reason = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    return new ServerUnreachableError(
      `The CMS does not answer (${reason}). Is it running, and is SPOOL_API_URL right?`,
      { cause: error },
    );
  }
}

/**
 * Reads the CMS's log with the token instead of the key (the CMS's CORS settings must allow it).
 */
export function updatesByToken(apiUrl: string): GetUpdates {
  return ({ after, limit, token, signal }) =>
    fetchJson(`${apiUrl}updates/?after=${after}&limit=${limit}`, {
      headers: { Accept: "application/json", Authorization: `Bearer ${token}` },
      signal,
      cache: "no-store",
    });
}

/**
 * Token and catch-up from your own server (`createSpoolLiveEndpoint` of `spool-live/next`), for
 * `connect` in a browser, so that the API key stays on the server.
 */
export function fromEndpoint(
  url: string,
  init: RequestInit = {},
): { getToken: GetToken; getUpdates: GetUpdates } {
  const ask = (query: string, signal: AbortSignal) =>
    fetchJson(`${url}${url.includes("?") ? "&" : "?"}${query}`, {
      cache: "no-store",
      ...init,
      signal,
    });
  return {
    getToken: ({ staleEpoch, signal }) =>
      ask(`token${staleEpoch === undefined ? "" : `&stale_epoch=${staleEpoch}`}`, signal),
    getUpdates: ({ after, limit, signal }) => ask(`after=${after}&limit=${limit}`, signal),
  };
}

/** Fetches JSON. Throws a LiveUpdatesError for an answer that is not successful or not JSON. */
export async function fetchJson(url: string, init: RequestInit): Promise<unknown> {
  const response = await fetch(url, init);
  if (!response.ok) throw await errorFrom(response);
  try {
    return await response.json();
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw new IncompatibleServerError(
      `${address(url)} answered with something that is not JSON. ${RIGHT_URL}`,
    );
  }
}

async function errorFrom(response: Response): Promise<LiveUpdatesError> {
  const { status } = response;
  const { detail, code } = await errorBody(response);
  const retryAfter = retryAfterOf(response.headers);
  if (status === 401 && FINAL_CODES.has(code)) return new InvalidCredentialsError(detail);
  if (status === 429)
    return new RateLimitedError("The CMS limits how often this key may ask.", {
      retryAfter: retryAfter ?? DEFAULT_RETRY_AFTER,
    });
  const suffix = detail && `: ${detail}`;
  if (status >= 500 || status === 408)
    return new ServerUnreachableError(
      `The CMS answered ${status} at ${address(response.url)}${suffix}. See the log of the CMS.`,
      { retryAfter },
    );
  const target = response.headers.get("location");
  // A 401 without the CMS's own code comes from a gateway, or from a password-protected staging
  // site.
  const foreign = status === 401 ? " Is there a gateway or a password in front of the CMS?" : "";
  return new IncompatibleServerError(
    `${address(response.url)} answered ${status || "with a redirect"}${suffix}.` +
      `${target ? ` It points to ${target}.` : foreign} ${RIGHT_URL}`,
  );
}

function parsePage(data: unknown, after: number, siteId: string | undefined): Page {
  try {
    const answer = record(data);
    if (!Array.isArray(answer.results)) throw new TypeError("results is not a list");
    if (answer.status !== "recovered" && answer.status !== "reset")
      throw new TypeError(`unknown status ${String(answer.status)}`);
    const next = answer.next === null ? null : integer(answer.next, "next");
    const updates = answer.results.map(parseUpdate);
    let last = after;
    for (const { seq, site_id } of updates) {
      if (seq === null || seq <= last) throw new TypeError(`results do not ascend from ${after}`);
      if (siteId && site_id.toLowerCase() !== siteId)
        throw new TypeError("updates of another site");
      last = seq;
    }
    if (next !== null && !(after < next && next <= last))
      throw new TypeError("next does not lead on");
    return {
      updates,
      seq: integer(answer.seq, "seq"),
      next,
      reset: answer.status === "reset",
      epoch: integer(answer.epoch, "epoch"),
    };
  } catch (error) {
    throw unknownAnswer("updates/", error);
  }
}

async function errorBody(response: Response): Promise<{ detail: string; code: string }> {
  try {
    const { detail = "", code = "" } = record(await response.json());
    return { detail: String(detail).slice(0, 200), code: String(code) };
  } catch {
    return { detail: "", code: "" };
  }
}

/** Milliseconds of `Retry-After` (RFC 9110, 10.2.3); a date is compared with the server's own. */
export function retryAfterOf(headers: Headers): number | undefined {
  const value = headers.get("retry-after")?.trim();
  if (!value) return undefined;
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value) * 1_000;
  const wait = Date.parse(value) - Date.parse(headers.get("date") ?? "");
  return Number.isFinite(wait) ? Math.max(0, wait) : undefined;
}

/** The URL without its query, for people. */
function address(url: string): string {
  return url.split("?")[0]!;
}
