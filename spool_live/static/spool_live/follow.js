// Reloads one part of the page every few seconds, until the server no longer includes this script.
"use strict";

const { follows } = document.currentScript.dataset;

async function refresh() {
  let page;
  try {
    const response = await fetch(location.href, { credentials: "same-origin" });
    if (!response.ok || response.redirected) return;
    page = new DOMParser().parseFromString(await response.text(), "text/html");
  } catch {
    setTimeout(refresh, 10_000);
    return;
  }
  const [shown, fresh] = [document, page].map((one) => one.querySelector(follows));
  if (!shown || !fresh) return;
  if (shown.innerHTML !== fresh.innerHTML) shown.replaceChildren(...fresh.childNodes);
  if (page.querySelector("script[data-follows]")) setTimeout(refresh, 3_000);
}

document.querySelector(follows)?.setAttribute("aria-live", "polite");
setTimeout(refresh, 1_000);
