"use client";
import { useLiveUpdates, type UseLiveUpdatesOptions } from "./use-live-updates.js";

export interface SpoolLiveProps extends Omit<UseLiveUpdatesOptions, "onUpdates" | "onReset"> {
  /** Renders the page again, e.g. `router.refresh` of the App Router. Debounced. */
  refresh: () => void;
}

/**
 * Keeps a draft preview fresh while an editor looks at it. It renders nothing.
 *
 * Not for the pages of your visitors: a refresh per event and visitor renders everything again for
 * each of them. There, one webhook per change marks the cache stale (`revalidateSpool`).
 */
export function SpoolLive({ refresh, ...options }: SpoolLiveProps): null {
  useLiveUpdates({ ...options, onUpdates: () => refresh() });
  return null;
}
