// What Realtime means when it says no: its texts as our errors (pure functions).
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

/** The error that a channel's end, or a refused join, stands for. */
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

/** The error that a socket which could not be opened, or was lost, stands for. */
export function socketError(url: string, said: string): TransientError {
  if (said.includes(" 429"))
    return new RateLimitedError("Supabase Realtime refuses connections for now.", {
      retryAfter: RETRY_AFTER,
    });
  if (/ 40[13]/.test(said))
    return new RealtimeUnavailableError(
      `Supabase Realtime refused the key that the CMS named (${said}). Check ` +
        'SPOOL_LIVE["SUPABASE_PUBLISHABLE_KEY"] there; until then, updates come by polling.',
    );
  return new RealtimeUnavailableError(
    `Supabase Realtime at ${url} cannot be reached${said && ` (${said})`}. Updates come by polling ` +
      "until it is back.",
  );
}
