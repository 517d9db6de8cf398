// Animations: new cards slide in, removed ones fade out, and the others make room.

const EASE = "cubic-bezier(.2, .7, .2, 1)";
const still = matchMedia("(prefers-reduced-motion: reduce)");

/** Runs `change` and lets the children of `parent` glide from where they were (FLIP). */
export function glide(parent: HTMLElement, change: () => void): void {
  const before = new Map<Element, DOMRect>();
  for (const child of parent.children) before.set(child, child.getBoundingClientRect());
  change();
  if (still.matches) return;
  for (const child of parent.children) {
    const old = before.get(child);
    const now = child.getBoundingClientRect();
    if (!old) arrive(child);
    else if (old.left !== now.left || old.top !== now.top)
      child.animate(
        { transform: [`translate(${old.left - now.left}px, ${old.top - now.top}px)`, "none"] },
        { duration: 420, easing: EASE },
      );
  }
}

/** Fades `element` out where it stands, then resolves. */
export async function depart(element: Element): Promise<void> {
  if (still.matches) return;
  await element.animate(
    { opacity: [1, 0], transform: ["none", "scale(.97)"] },
    { duration: 220, easing: "ease-in", fill: "forwards" },
  ).finished;
}

/** Marks `element` as fresh for a moment, again if it is still marked; styles define the look. */
export function highlight(element: HTMLElement, how: string): void {
  delete element.dataset.fresh;
  void element.offsetWidth; // otherwise the animation would not start again
  element.dataset.fresh = how;
  clearTimeout(Number(element.dataset.freshTimer));
  element.dataset.freshTimer = String(setTimeout(() => delete element.dataset.fresh, 6_000));
}

function arrive(element: Element): void {
  element.animate(
    { opacity: [0, 1], transform: ["translateY(-14px) scale(.985)", "none"] },
    { duration: 460, easing: EASE },
  );
}
