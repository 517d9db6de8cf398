// A live client in place of webhooks, which do not reach a developer's machine.
import { LiveUpdatesClient } from "../client.js";
import { settingsOf, type ServerConfig } from "../config.js";
import { InvalidCredentialsError } from "../errors.js";
import { type ConnectionState, hasEnded } from "../state.js";
import { asWebhook, type LiveUpdate, type SpoolWebhookPayload } from "../updates.js";
import { signedHeaders } from "./webhooks.js";

export interface DevelopmentConfig extends ServerConfig {
  /**
   * Where this handler answers, e.g. "http://localhost:3000/api/spool". With it, the socket's
   * updates are sent to the handler as signed requests, so that `onWebhook` runs inside a request,
   * which `revalidateTag` needs.
   */
  url?: string | undefined;
}

export type OnWebhook = (payload: SpoolWebhookPayload) => void | Promise<void>;

interface Running {
  client: LiveUpdatesClient;
  onWebhook: OnWebhook;
  url: string | undefined;
  key: string;
}

/** In the process, not in this module, which a dev server loads again with every hot reload. */
const REGISTRY = Symbol.for("spool-live.development");
const SECRET = Symbol.for("spool-live.development.secret");

interface Holder {
  [REGISTRY]?: Map<string, Running>;
  [SECRET]?: string;
}

/** Why no socket may be opened here; undefined if it may. */
export function obstacle(environment: Record<string, string | undefined>): string | undefined {
  if (environment.NEXT_PHASE === "phase-production-build") return "while building";
  if (environment.NEXT_RUNTIME === "edge" || "EdgeRuntime" in globalThis)
    return 'on the edge runtime (export const runtime = "nodejs" in this route)';
  return undefined;
}

/** The secret with which this process signs requests to itself; random at every start. */
export function developmentSecret(): string {
  const holder = globalThis as Holder;
  if (!holder[SECRET]) {
    const random = crypto.getRandomValues(new Uint8Array(32));
    holder[SECRET] = `whsec_${btoa(String.fromCharCode(...random))}`;
  }
  return holder[SECRET];
}

/**
 * Starts a live client, unless this process already has one: then it only replaces the function,
 * because a reloaded module has a new one.
 */
export function listen(config: DevelopmentConfig, onWebhook: OnWebhook): void {
  const holder = globalThis as Holder;
  const running = (holder[REGISTRY] ??= new Map());
  const options = { maxReconnectAttempts: "development" as const, ...config };
  let settings: ReturnType<typeof settingsOf>;
  try {
    settings = settingsOf(options);
  } catch (error) {
    report(error as Error);
    return;
  }
  const site = settings.siteId!;
  const key = settings.shareKey ?? "";
  const before = running.get(site);
  if (before?.key === key && !hasEnded(before.client.state)) {
    Object.assign(before, { onWebhook, url: config.url });
    return;
  }
  void before?.client.disconnect();
  const client = new LiveUpdatesClient(options);
  const entry: Running = { client, onWebhook, url: config.url, key };
  running.set(site, entry);
  client.onState(stateLogger(settings.attemptLimit));
  client.onUpdate((update) => callOnWebhook(entry, update));
  client.onReset(() =>
    console.warn(
      "[DEV] ⚠️ Updates were missed and cannot be recovered: reload what you show, or clear the cache.",
    ),
  );
  client.connect().catch(report);
}

/** Stops all live clients that `listen` started in this process. */
export async function stopListening(): Promise<void> {
  const running = (globalThis as Holder)[REGISTRY];
  const entries = [...(running?.values() ?? [])];
  running?.clear();
  await Promise.all(entries.map(({ client }) => client.disconnect()));
}

async function callOnWebhook({ onWebhook, url }: Running, update: LiveUpdate): Promise<void> {
  console.info(`[DEV] 🔄 Live update: ${update.collection}/${update.slug || "no-slug"}`);
  const payload = asWebhook(update);
  try {
    if (url) await post(url, payload);
    else await onWebhook(payload);
  } catch (error) {
    const { message } = error as Error;
    console.error(`[DEV] ⚠️ onWebhook failed: ${message}`);
    if (message.includes("static generation store missing"))
      console.info(
        "[DEV] 💡 revalidateTag needs a request: set developmentConfig.url to where this handler " +
          "answers, e.g. http://localhost:3000/api/spool",
      );
  }
}

async function post(url: string, payload: SpoolWebhookPayload): Promise<void> {
  const body = JSON.stringify(payload);
  const headers = signedHeaders(developmentSecret(), payload.id, body);
  const response = await fetch(url, { method: "POST", headers, body });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
}

/** A state callback that logs each change of the connection once, for the developer. */
function stateLogger(limit: number | undefined): (state: ConnectionState) => void {
  let last = "";
  return ({ phase, siteId, error, reconnectAttempts }) => {
    const news = [phase, error, reconnectAttempts].join();
    if (news === last) return;
    last = news;
    if (phase === "live" && !error)
      console.info(`[DEV] ✅ Connected to Spool Realtime for site: ${siteId}`);
    else if (phase === "backing off") {
      console.warn(`[DEV] Live updates connection error: ${error}`);
      console.info(`[DEV] Reconnecting (attempt ${reconnectAttempts}/${limit ?? "∞"})`);
    } else if (phase === "stopped" && error && reconnectAttempts) {
      console.error("[DEV] ❌ Max reconnection attempts reached. Live updates disabled.");
      console.info("[DEV] 💡 Restart your dev server to re-enable live updates");
    }
  };
}

function report(error: Error): void {
  console.warn(`[DEV] ⚠️ Failed to connect to live updates: ${error.message}`);
  if (error instanceof InvalidCredentialsError)
    console.info("[DEV] 💡 Check your SPOOL_API_KEY and SPOOL_SITE_ID environment variables");
}
