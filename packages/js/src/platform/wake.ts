// Events after which a page in a browser may have missed something.

/**
 * Calls back when the network is back or the page is visible again, and calls `offline` when the
 * network is gone (a socket may not notice that for minutes); returns a function that ends this.
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
