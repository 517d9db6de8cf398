// Access with the API key, for servers only: it is not in the bundles of browsers.
import { checkedSite, checkedUrl } from "./addresses.js";
import { fetchJson, type GetToken, type GetUpdates } from "./api.js";
import type { Access, ServerConfig } from "./config.js";
import { ConfigurationError } from "./errors.js";

/** Access to the CMS itself. Missing options are read from the environment. */
export function serverAccess(config: ServerConfig): Access {
  const siteId = required("siteId", "SPOOL_SITE_ID", config.siteId);
  const apiKey = required("apiKey", "SPOOL_API_KEY", config.apiKey);
  const apiUrl = checkedUrl(required("apiUrl", "SPOOL_API_URL", config.apiUrl));
  const id = checkedSite(siteId);
  return {
    siteId: id,
    ...fromCms(apiUrl, apiKey),
    byKey: true,
    identity: [id, apiUrl, apiKey].join("\n"),
    tabs: false,
  };
}

/** Functions for `POST token/` and `GET updates/` of a CMS, with the API key in a header. */
export function fromCms(
  apiUrl: string,
  apiKey: string,
): { getToken: GetToken; getUpdates: GetUpdates } {
  const headers = { Accept: "application/json", Authorization: `Api-Key ${apiKey}` };
  return {
    getToken: ({ signal }) =>
      fetchJson(`${apiUrl}token/`, { method: "POST", headers, signal, redirect: "manual" }),
    getUpdates: ({ after, limit, signal }) =>
      fetchJson(`${apiUrl}updates/?after=${after}&limit=${limit}`, {
        headers,
        signal,
        redirect: "manual",
        cache: "no-store",
      }),
  };
}

function required(name: string, variable: string, value: string | undefined): string {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } };
  const found = value || process?.env?.[variable];
  if (!found) throw new ConfigurationError(`${name} is empty: pass ${name}, or set ${variable}.`);
  return found;
}
