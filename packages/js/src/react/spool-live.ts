"use client";
import { useLiveUpdates, type UseLiveUpdatesOptions } from "./use-live-updates.js";

export interface SpoolLiveProps extends Omit<UseLiveUpdatesOptions, "onUpdates" | "onReset"> {
  /** Shows the page anew, e.g. `router.refresh` of the App Router. Debounced. */
  refresh: () => void;
}

/**
 * Keeps a draft preview fresh while an editor looks at it. It shows nothing.
 *
 * Not for the pages of your visitors: a refresh per event and visitor renders everything anew for
 * each of them. There, one webhook per change marks the cache stale (`revalidateSpool`).
 */
export function SpoolLive({ refresh, ...options }: SpoolLiveProps): null {
  useLiveUpdates({ ...options, onUpdates: () => refresh() });
  return null;
}
