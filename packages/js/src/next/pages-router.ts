// The same handlers for the Pages Router, which uses Node's requests and responses.
import type { IncomingMessage, ServerResponse } from "node:http";

/**
 * A handler `Request -> Response` as an API route of the Pages Router. The file must also have
 * `export const config = { api: { bodyParser: false } }`: signatures are over the raw body.
 */
export function toApiRoute(
  handler: (request: Request) => Promise<Response>,
): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  return async (request, response) => {
    if ("body" in request && request.body !== undefined)
      throw new Error(
        "The body was parsed before its signature could be verified: add " +
          "`export const config = { api: { bodyParser: false } }` to this API route.",
      );
    const answer = await handler(asRequest(request));
    response.statusCode = answer.status;
    answer.headers.forEach((value, name) => {
      response.setHeader(name, value);
    });
    response.end(await answer.text());
  };
}

function asRequest(request: IncomingMessage): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined) headers.set(name, String(value));
  const { method = "GET", url = "/" } = request;
  const bodiless = method === "GET" || method === "HEAD";
  const body = bodiless ? {} : { body: request as unknown as ReadableStream, duplex: "half" };
  return new Request(new URL(url, `http://${request.headers.host ?? "localhost"}`), {
    method,
    headers,
    ...body,
  } as RequestInit);
}
