// Checks of the site's id and of the CMS's address, before the first request.
import { ConfigurationError } from "./errors.js";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The site's id in lower case. Throws ConfigurationError if it is not a UUID. */
export function checkedSite(siteId: string): string {
  if (UUID.test(siteId)) return siteId.toLowerCase();
  throw new ConfigurationError(
    `siteId "${siteId}" is not a UUID: set SPOOL_SITE_ID to the site's id, which came with the API ` +
      'key ("manage.py live_site list" on the CMS shows it).',
  );
}

/** The address with a slash at its end. Throws ConfigurationError if it is not http(s). */
export function checkedUrl(url: string): string {
  if (/^https?:\/\/[^/]/.test(url) && URL.canParse(url)) return `${url.replace(/\/+$/, "")}/`;
  throw new ConfigurationError(
    `apiUrl "${url}" is not an http(s) address: set SPOOL_API_URL to where spool_live.urls is ` +
      "mounted, e.g. https://cms.example.org/spool-live/.",
  );
}
