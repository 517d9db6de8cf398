// Webhooks in production, one live client in development: either way the same tags become stale.
import { createSpoolWebhookHandler, revalidateSpool } from "spool-live/next";

export const spoolWebhook = createSpoolWebhookHandler({
  developmentConfig: { url: `http://localhost:${process.env.PORT ?? 3000}/api/spool` },
  onWebhook: async (payload) => {
    await revalidateSpool(payload);
  },
});
