// Verification of spool_live's webhooks: it takes raw body and headers, and returns the payload.
//
// Signatures are those of Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over
// `webhook-id.webhook-timestamp.body`, at most five minutes old.
import { Webhook } from "standardwebhooks";

import { ConfigurationError, WebhookVerificationError } from "../errors.js";
import { now } from "../timing.js";
import { record, type SpoolWebhookPayload, text } from "../updates.js";

/** Milliseconds: longer than the 27 to 33 hours in which a CMS retries. */
const REMEMBERED = 172_800_000;
const MAX_REMEMBERED = 100_000;

/** Remembers the ids of webhooks for two days. */
export interface ReplayGuard {
  /** Returns whether the id is new, and remembers it. */
  claim(id: string): boolean | Promise<boolean>;
  /** Forgets the id, because its webhook was not handled after all: the next attempt is handled. */
  release(id: string): void | Promise<void>;
}

/** A guard for one process. */
export class MemoryReplayGuard implements ReplayGuard {
  readonly #seen = new Map<string, number>();

  claim(id: string): boolean {
    const horizon = now() - REMEMBERED;
    for (const [old, at] of this.#seen) {
      if (at >= horizon && this.#seen.size < MAX_REMEMBERED) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(id)) return false;
    this.#seen.set(id, now());
    return true;
  }

  release(id: string): void {
    this.#seen.delete(id);
  }
}

/** Verifies with any of several secrets (a rotation: the new one and the old one). */
export class WebhookVerifier {
  readonly #webhooks: Webhook[];

  /** Throws ConfigurationError without a secret, or for one that is not base64. */
  constructor(secret: string | readonly string[] | undefined) {
    const secrets = (
      typeof secret === "string" ? secret.split(/[\s,]+/) : [...(secret ?? [])]
    ).filter(Boolean);
    if (!secrets.length)
      throw new ConfigurationError(
        "The webhook handler has no secret: pass secret, or set SPOOL_WEBHOOK_SECRET.",
      );
    try {
      this.#webhooks = secrets.map((one) => new Webhook(one));
    } catch (error) {
      throw new ConfigurationError(
        'A webhook secret is base64, usually with "whsec_" in front: check SPOOL_WEBHOOK_SECRET.',
        { cause: error },
      );
    }
  }

  /** The payload. Throws WebhookVerificationError for a bad signature, timestamp or body. */
  verify(body: string, headers: Headers): SpoolWebhookPayload {
    const signed = Object.fromEntries(
      ["id", "timestamp", "signature"].map((name) => [
        `webhook-${name}`,
        headers.get(`webhook-${name}`) ?? "",
      ]),
    );
    let reason = "";
    for (const webhook of this.#webhooks) {
      try {
        return parsePayload(webhook.verify(body, signed));
      } catch (error) {
        reason = (error as Error).message;
      }
    }
    throw new WebhookVerificationError(
      `The webhook was refused: ${reason}. If it was sent by your CMS, check SPOOL_WEBHOOK_SECRET ` +
        "and the clocks of both machines.",
    );
  }
}

/** The headers with which the CMS would sign `body`, made here for development. */
export function signedHeaders(secret: string, id: string, body: string): Record<string, string> {
  const sentAt = new Date();
  return {
    "content-type": "application/json",
    "webhook-id": id,
    "webhook-timestamp": String(Math.floor(sentAt.getTime() / 1_000)),
    "webhook-signature": new Webhook(secret).sign(id, sentAt, body),
  };
}

function parsePayload(data: unknown): SpoolWebhookPayload {
  const payload = record(data);
  for (const name of ["event", "site_id", "collection", "item_id", "timestamp"])
    text(payload[name], name);
  return {
    ...payload,
    slug: payload.slug ?? null,
    metadata: payload.metadata == null ? {} : record(payload.metadata),
  } as unknown as SpoolWebhookPayload;
}
