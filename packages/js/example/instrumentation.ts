// The live client starts with the server, not with the first request to its route.
export async function register() {
  if (process.env.NEXT_RUNTIME === "nodejs") await import("./lib/spool");
}
