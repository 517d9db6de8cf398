// The subscriber's side of spool_live: a site's updates, each once, in order, none missed.
export { fromEndpoint, type GetToken, type GetUpdates } from "./api.js";
export {
  LiveUpdatesClient,
  LiveUpdatesClient as SupabaseLiveUpdatesClient,
  type ResetCallback,
  type UpdateCallback,
} from "./client.js";
export type { BrowserConfig, LiveUpdatesConfig, ServerConfig } from "./config.js";
export { type CursorStore, fileCursor, memoryCursor } from "./cursor.js";
export * from "./errors.js";
export type { EventType, UpdateMetadata } from "./schema.js";
export type { ConnectionState, LogSource, Phase, StateCallback } from "./state.js";
export type { Timing } from "./timing.js";
export type {
  Collections,
  ContentCreated,
  ContentDeleted,
  ContentPublished,
  ContentUpdated,
  LiveUpdate,
  Reset,
  SpoolWebhookPayload,
  StreamEvent,
  UpdateFilter,
} from "./updates.js";
