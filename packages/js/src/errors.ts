// The errors of the client, sorted by what you have to do about them.
//
// LiveUpdatesError
// ├── ConfigurationError              fix the configuration; the client stops
// │   ├── InvalidCredentialsError     the key is unknown, revoked or expired
// │   ├── WrongSiteError              the key belongs to another site
// │   └── IncompatibleServerError     apiUrl leads to something that is not spool_live
// ├── TransientError                  do nothing; the client retries by itself
// │   ├── ServerUnreachableError      the CMS does not answer
// │   ├── RealtimeUnavailableError    Supabase Realtime does not answer, or closed the connection
// │   ├── TokenExpiredError           Realtime counts the token as expired
// │   ├── SubscriptionRefusedError    Realtime refuses the join; updates come by polling
// │   └── RateLimitedError            waits `retryAfter` milliseconds
// ├── DisconnectedError               connect first; the client is not connected (any more)
// ├── GivenUpError                    the client has stopped; fix the cause, then connect again
// └── WebhookVerificationError        refuse this request: it was not signed with your secret

/** Base of all errors of this package. Messages say what to do and hold no secrets. */
export class LiveUpdatesError extends Error {
  override name = "LiveUpdatesError";
}

/** An option is missing or wrong: somebody has to change it, waiting does not help. */
export class ConfigurationError extends LiveUpdatesError {
  override name = "ConfigurationError";
}

/** HTTP 401 from the CMS: unknown, revoked and expired keys all look like this. */
export class InvalidCredentialsError extends ConfigurationError {
  override name = "InvalidCredentialsError";

  constructor(detail = "") {
    super(
      "The CMS refused the API key: it is unknown, revoked or expired. Check SPOOL_API_KEY and " +
        `SPOOL_SITE_ID.${detail && ` (It said: ${detail})`}`,
    );
  }
}

/** The key is valid, but for another site than `siteId`. */
export class WrongSiteError extends ConfigurationError {
  override name = "WrongSiteError";

  constructor(wanted: string, actual: string) {
    super(
      `This API key belongs to site ${actual}, not to ${wanted}. Set SPOOL_SITE_ID to ${actual}, ` +
        `or use a key of site ${wanted} as SPOOL_API_KEY.`,
    );
  }
}

/** The answer does not have the form of spool_live's API. */
export class IncompatibleServerError extends ConfigurationError {
  override name = "IncompatibleServerError";
}

/** A failure that may pass by itself; the client tries again. */
export class TransientError extends LiveUpdatesError {
  override name = "TransientError";
  /** Milliseconds that the server asks the client to wait, if it does. */
  readonly retryAfter: number | undefined;

  constructor(message: string, options: ErrorOptions & { retryAfter?: number | undefined } = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
  }
}

/** The CMS cannot be reached, or answers with a server error. */
export class ServerUnreachableError extends TransientError {
  override name = "ServerUnreachableError";
}

/** Supabase Realtime cannot be reached, or the connection to it was lost. */
export class RealtimeUnavailableError extends TransientError {
  override name = "RealtimeUnavailableError";
}

/** Realtime's clock says that the token has expired. */
export class TokenExpiredError extends TransientError {
  override name = "TokenExpiredError";
}

/** Realtime refuses our token or topic. */
export class SubscriptionRefusedError extends TransientError {
  override name = "SubscriptionRefusedError";
}

/** HTTP 429, or a rate limit of Realtime. */
export class RateLimitedError extends TransientError {
  override name = "RateLimitedError";
}

/** The client is not connected, or was disconnected during the call. */
export class DisconnectedError extends LiveUpdatesError {
  override name = "DisconnectedError";
}

/** All `maxReconnectAttempts` have failed; the client has stopped. */
export class GivenUpError extends LiveUpdatesError {
  override name = "GivenUpError";
}

/** The request's signature, timestamp or body is not valid. Answer 401 and do nothing. */
export class WebhookVerificationError extends LiveUpdatesError {
  override name = "WebhookVerificationError";
}
