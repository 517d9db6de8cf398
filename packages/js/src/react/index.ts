"use client";
// For React: follow a site in a component, for draft previews and dashboards of editors.
export { SpoolLive, type SpoolLiveProps } from "./spool-live.js";
export { useLiveUpdates, type UseLiveUpdatesOptions } from "./use-live-updates.js";
