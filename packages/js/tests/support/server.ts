// Any handler `Request -> Response` behind a real address.
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

import { toApiRoute } from "../../src/next/pages-router.js";

/** Serves the handler until the test ends; returns its address. */
export async function serve(handler: (request: Request) => Promise<Response>): Promise<string> {
  const route = toApiRoute(handler);
  const server = createServer((request, response) => {
    route(request, response).catch((error) => response.writeHead(500).end(String(error)));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/spool`;
}
