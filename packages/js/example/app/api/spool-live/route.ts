// Tokens for the browsers of editors; the API key stays on this server.
import { draftMode } from "next/headers";
import { createSpoolLiveEndpoint } from "spool-live/next";

export const GET = createSpoolLiveEndpoint({
  authorize: async () => (await draftMode()).isEnabled,
});
