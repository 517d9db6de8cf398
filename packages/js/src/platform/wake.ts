// The moments at which a browser's page may have missed something.

/**
 * Calls back when the network is back or the page is seen again, and `offline` when the network is
 * gone (a socket may go on for minutes as if it were not); returns what ends that.
 */
export function onWake(callback: () => void, offline: () => void = () => {}): () => void {
  if (typeof document === "undefined") return () => {};
  const scope = new AbortController();
  const { signal } = scope;
  const seen = () => document.visibilityState === "visible" && callback();
  addEventListener("online", callback, { signal });
  addEventListener("offline", offline, { signal });
  addEventListener("pageshow", (event) => event.persisted && callback(), { signal });
  document.addEventListener("visibilitychange", seen, { signal });
  document.addEventListener("resume", callback, { signal });
  return () => scope.abort();
}
