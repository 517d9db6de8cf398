// For Next.js and other servers: webhooks in, stale tags out, tokens for browsers.
export type { DevelopmentConfig, OnWebhook } from "./development.js";
export { stopListening } from "./development.js";
export { createSpoolLiveEndpoint, type LiveEndpointOptions } from "./endpoint.js";
export { createSpoolWebhookHandler, type WebhookHandlerOptions } from "./handler.js";
export { toApiRoute } from "./pages-router.js";
export { type RevalidateOptions, revalidateSpool, spoolTags, staleTags } from "./revalidation.js";
export { MemoryReplayGuard, type ReplayGuard } from "./webhooks.js";
export type { SpoolWebhookPayload } from "../updates.js";
