// The webhook handler: signed requests in production, a live client in development.
import { ConfigurationError, WebhookVerificationError } from "../errors.js";
import type { SpoolWebhookPayload } from "../updates.js";
import {
  type DevelopmentConfig,
  developmentSecret,
  listen,
  obstacle,
  type OnWebhook,
} from "./development.js";
import { MemoryReplayGuard, type ReplayGuard, WebhookVerifier } from "./webhooks.js";

const LARGEST_BODY = 256 * 1024;
const BUSY_RETRY = 10; // seconds

export interface WebhookHandlerOptions {
  /**
   * One secret, or several during a rotation; by default SPOOL_WEBHOOK_SECRET (which may be a
   * list).
   */
  secret?: string | readonly string[] | undefined;
  /** Opens a live client in development, which feeds the same `onWebhook`. */
  developmentConfig?: DevelopmentConfig | undefined;
  onWebhook?: OnWebhook | undefined;
  /** By default whether NODE_ENV is "development". */
  development?: boolean | undefined;
  /** Where handled ids are remembered; by default in this process. Share one between instances. */
  replayGuard?: ReplayGuard | undefined;
}

/**
 * A handler `Request -> Response` that verifies webhooks and calls `onWebhook(payload)`: for the
 * Next.js App Router (`export const POST = createSpoolWebhookHandler(...)`), Hono, SvelteKit,
 * Astro.
 *
 * It answers 200, also to a webhook that it has handled before; 401 to a bad signature; 405 to
 * anything but POST; 413 to a body that no update needs; 503 with Retry-After while the same
 * message is being handled; 500 where `onWebhook` threw or no secret is set, so that the sender
 * tries again.
 *
 * In development with a `developmentConfig` a live client of this process feeds the same function.
 * Never in production, while building, or on the edge runtime.
 */
export function createSpoolWebhookHandler(
  options: WebhookHandlerOptions,
): (request: Request) => Promise<Response> {
  const { onWebhook = () => {}, replayGuard = new MemoryReplayGuard() } = options;
  const environment = typeof process === "undefined" ? {} : process.env;
  const development = options.development ?? environment.NODE_ENV === "development";
  if (development && options.developmentConfig) {
    const why = obstacle(environment);
    if (why) console.warn(`[DEV] ⚠️ No live updates ${why}.`);
    else listen(options.developmentConfig, onWebhook);
  }
  const handling = new Set<string>();
  const verifier = lazily(() => new WebhookVerifier(secretsOf(options, environment, development)));

  return async (request) => {
    if (request.method !== "POST")
      return answer(405, { detail: "Webhooks are sent by POST." }, { Allow: "POST" });
    let payload: SpoolWebhookPayload;
    try {
      const verify = verifier();
      const body = await textOf(request);
      if (body === undefined) return answer(413, { detail: "The body is too large." });
      payload = verify.verify(body, request.headers);
    } catch (error) {
      return refusal(error);
    }
    const id = request.headers.get("webhook-id")!;
    if (handling.has(id))
      return answer(503, { detail: "It is being handled." }, { "Retry-After": String(BUSY_RETRY) });
    handling.add(id);
    try {
      if (!(await replayGuard.claim(id))) return answer(200, { received: true, duplicate: true });
      return await handle(payload, onWebhook, () => replayGuard.release(id));
    } finally {
      handling.delete(id);
    }
  };
}

async function handle(
  payload: SpoolWebhookPayload,
  onWebhook: OnWebhook,
  release: () => void | Promise<void>,
): Promise<Response> {
  try {
    await onWebhook(payload);
    return answer(200, { received: true });
  } catch (error) {
    console.error("[spool-live] The handler of a webhook failed; its sender may try again:", error);
    await release();
    return answer(500, { detail: "The handler failed." });
  }
}

function refusal(error: unknown): Response {
  if (error instanceof WebhookVerificationError) {
    console.warn(`[spool-live] ${error.message}`);
    return answer(401, { detail: "The signature is not valid." });
  }
  if (!(error instanceof ConfigurationError)) throw error;
  console.error(`[spool-live] ${error.message}`);
  return answer(500, { detail: "The handler is not configured." });
}

function secretsOf(
  { secret, developmentConfig }: WebhookHandlerOptions,
  environment: Record<string, string | undefined>,
  development: boolean,
): string[] {
  const given = secret ?? environment.SPOOL_WEBHOOK_SECRET ?? [];
  const secrets = typeof given === "string" ? given.split(/[\s,]+/) : [...given];
  return development && developmentConfig ? [...secrets, developmentSecret()] : secrets;
}

/** The raw body; undefined where it is larger than any update. */
async function textOf(request: Request): Promise<string | undefined> {
  if (Number(request.headers.get("content-length")) > LARGEST_BODY) return undefined;
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += (chunk as Uint8Array).byteLength;
    if (size > LARGEST_BODY) return undefined;
    text += decoder.decode(chunk as Uint8Array, { stream: true });
  }
  return text + decoder.decode();
}

function lazily<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return Response.json(body, { status, headers });
}
