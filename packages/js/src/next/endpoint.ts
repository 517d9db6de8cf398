// Token and catch-up for the browsers of visitors or editors; the API key stays on the server.
import type { fromCms } from "../server-access.js";
import { settingsOf, type ServerConfig } from "../config.js";
import {
  InvalidCredentialsError,
  LiveUpdatesError,
  RateLimitedError,
  TransientError,
} from "../errors.js";
import { now } from "../timing.js";
import { parseToken, type Token } from "../token.js";
import { record } from "../updates.js";

const USABLE = 0.75; // a token is handed out until this share of its life is over
const LARGEST_PAGE = 500;

export interface LiveEndpointOptions {
  siteId?: string | undefined;
  apiKey?: string | undefined;
  apiUrl?: string | undefined;
  /**
   * Whether this request may have a token. A token gives access to the updates of the whole site,
   * including drafts and their metadata: require an editor's session, or return true for everybody
   * if the metadata holds nothing secret.
   */
  authorize: (request: Request) => boolean | Promise<boolean>;
}

/**
 * A handler `Request -> Response` for GET, for `fromEndpoint(url)` in the browser: `?token` answers
 * with a token (one for all, as long as it is fresh), `?after=<seq>` with the updates after it.
 */
export function createSpoolLiveEndpoint(
  options: LiveEndpointOptions,
): (request: Request) => Promise<Response> {
  let upstream: Upstream | undefined;
  return async (request) => {
    if (request.method !== "GET") return answer(405, { detail: "Use GET." }, { Allow: "GET" });
    if (!(await options.authorize(request)))
      return answer(403, { detail: "This visitor may not follow the site.", code: "not_allowed" });
    try {
      upstream ??= new Upstream(options);
      const query = new URL(request.url).searchParams;
      if (query.has("token"))
        return answer(200, await upstream.token(numberOf(query, "stale_epoch")));
      const after = numberOf(query, "after");
      if (after === undefined) return answer(400, { detail: "Ask ?token or ?after=<seq>." });
      const limit = Math.min(numberOf(query, "limit") ?? LARGEST_PAGE, LARGEST_PAGE);
      return answer(200, await upstream.updates(after, limit, request.signal));
    } catch (error) {
      return failure(error);
    }
  };
}

class Upstream {
  readonly #ask: ReturnType<typeof fromCms>;
  readonly #timeout: number;
  #kept: { token: Token; answer: Record<string, unknown> } | undefined;
  #fetching: Promise<void> | undefined;

  constructor({ siteId, apiKey, apiUrl }: ServerConfig) {
    const { getToken, getUpdates, timing } = settingsOf({ siteId, apiKey, apiUrl });
    this.#ask = { getToken, getUpdates: getUpdates! };
    this.#timeout = timing.request;
  }

  async token(staleEpoch: number | undefined): Promise<Record<string, unknown>> {
    const kept = this.#kept;
    const age = kept ? now() - kept.token.receivedAt : 0;
    if (!kept || age > kept.token.lifetime * USABLE || kept.token.epoch === staleEpoch) {
      this.#fetching ??= this.#fetch().finally(() => {
        this.#fetching = undefined;
      });
      await this.#fetching;
    }
    const { token, answer } = this.#kept!;
    const left = token.receivedAt + token.lifetime - now();
    return { ...answer, expires_in: Math.max(1, Math.floor(left / 1_000)) };
  }

  updates(after: number, limit: number, signal: AbortSignal): Promise<unknown> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(this.#timeout)]);
    return this.#ask.getUpdates({ after, limit, token: undefined, signal: limited });
  }

  async #fetch(): Promise<void> {
    const askedAt = now();
    const signal = AbortSignal.timeout(this.#timeout);
    const answer = await this.#ask.getToken({ signal, staleEpoch: undefined });
    this.#kept = { token: parseToken(answer, askedAt), answer: record(answer) };
  }
}

/** The answer for an error: the client stops only for the CMS's own code, and retries otherwise. */
function failure(error: unknown): Response {
  if (error instanceof InvalidCredentialsError) {
    console.error(`[spool-live] ${error.message}`);
    return answer(401, { detail: "The site's API key is not valid.", code: "invalid_credentials" });
  }
  const { message } = error as Error;
  if (!(error instanceof TransientError)) console.error(`[spool-live] ${message}`);
  const wait = error instanceof TransientError ? error.retryAfter : undefined;
  const status = error instanceof RateLimitedError ? 429 : 503;
  const headers = { "Retry-After": String(Math.ceil((wait ?? 1_000) / 1_000)) };
  const code = error instanceof LiveUpdatesError ? "cms_unavailable" : "error";
  return answer(status, { detail: "The CMS cannot be asked right now.", code }, headers);
}

function numberOf(query: URLSearchParams, name: string): number | undefined {
  const value = query.get(name);
  return value !== null && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers: { "Cache-Control": "no-store", ...headers } });
}
