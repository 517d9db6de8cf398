// Realtime's refusals, turned into errors of this client by pure functions.
import {
  RateLimitedError,
  RealtimeUnavailableError,
  SubscriptionRefusedError,
  TokenExpiredError,
  type TransientError,
} from "../errors.js";

const RETRY_AFTER = 30_000;
const REFUSALS = /unauthorized|permission|jwt|signature|PrivateOnly/i;
const LIMITS = /RateLimitReached|Too many/;

/** The error for the end of a channel, or for a refused join. */
export function channelError(status: string, reason: string): TransientError {
  if (reason.includes("expired")) return new TokenExpiredError(`Realtime says: ${reason}.`);
  if (LIMITS.test(reason))
    return new RateLimitedError(`Realtime says: ${reason}.`, { retryAfter: RETRY_AFTER });
  if (REFUSALS.test(reason))
    return new SubscriptionRefusedError(
      `Realtime refused the subscription: ${reason}. On the CMS, check ` +
        'SPOOL_LIVE["JWT_SIGNING_KEY"] and run "manage.py live_setup". Until then, updates come by ' +
        "polling.",
    );
  return new RealtimeUnavailableError(`The Realtime channel ended (${status}): ${reason || "-"}.`);
}

/** The error for a socket that could not be opened, or was lost; `reason` is the socket's own. */
export function socketError(url: string, reason: string): TransientError {
  if (reason.includes(" 429"))
    return new RateLimitedError("Supabase Realtime refuses connections for now.", {
      retryAfter: RETRY_AFTER,
    });
  if (/ 40[13]/.test(reason))
    return new RealtimeUnavailableError(
      `Supabase Realtime refused the key that the CMS named (${reason}). Check ` +
        'SPOOL_LIVE["SUPABASE_PUBLISHABLE_KEY"] there; until then, updates come by polling.',
    );
  return new RealtimeUnavailableError(
    `Supabase Realtime at ${url} cannot be reached${reason && ` (${reason})`}. Updates come by ` +
      "polling until it is back.",
  );
}
