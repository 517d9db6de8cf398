// Markup comes from the server's templates; this fills its [data-field] elements from JSON.
import { highlight } from "./motion";

type Fields = object;

/** Fills `root` from `values`; returns whether anything shown changed, and highlights that. */
export function fill(root: ParentNode, values: Fields, emphasise = true): boolean {
  let changed = false;
  for (const element of root.querySelectorAll<HTMLElement>("[data-field]")) {
    const value = (values as Record<string, unknown>)[element.dataset.field!];
    if (value === undefined || !put(element, value)) continue;
    changed = true;
    if (emphasise) highlight(element, "field");
  }
  for (const link of root.querySelectorAll<HTMLAnchorElement>("a[data-href]"))
    link.href = (values as { url: string }).url;
  tellTimes(root);
  return changed;
}

/** Puts `value` into `element` and says whether that made a difference. */
function put(element: HTMLElement, value: unknown): boolean {
  if (element instanceof HTMLImageElement) {
    if (element.getAttribute("src") !== value) element.src = String(value);
    return false;
  }
  if (element instanceof HTMLTimeElement) {
    const same = element.dateTime === value;
    element.dateTime = String(value);
    return !same;
  }
  const parts = (Array.isArray(value) ? value : [value]).map(String);
  const tag = element.dataset.each;
  const shown = tag ? [...element.children].map((child) => child.textContent) : [element.textContent];
  if (shown.length === parts.length && shown.every((text, at) => text!.trim() === parts[at]))
    return false;
  if (tag) element.replaceChildren(...parts.map((part) => Object.assign(document.createElement(tag), { textContent: part })));
  else element.textContent = parts[0]!;
  return true;
}

/** Shows every <time> in words, in the reader's own time zone. */
export function tellTimes(root: ParentNode = document): void {
  for (const time of root.querySelectorAll<HTMLTimeElement>("time[datetime]"))
    if (time.dateTime) time.textContent = inWords(new Date(time.dateTime));
}

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long" });

function inWords(moment: Date): string {
  const minutes = Math.round((moment.getTime() - Date.now()) / 60_000);
  if (Math.abs(minutes) < 1) return "just now";
  if (Math.abs(minutes) < 60) return relative.format(minutes, "minute");
  if (Math.abs(minutes) < 24 * 60) return relative.format(Math.round(minutes / 60), "hour");
  if (Math.abs(minutes) < 6 * 24 * 60) return relative.format(Math.round(minutes / 1440), "day");
  return day.format(moment);
}
