// Light or dark: the system's choice until the reader makes one, shared by all frames.

const KEY = "newsroom-theme";

export function followTheme(): void {
  show(localStorage.getItem(KEY));
  addEventListener("storage", (event) => event.key === KEY && show(event.newValue));
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-theme-toggle]"))
    button.addEventListener("click", () => {
      const next = isDark() ? "light" : "dark";
      localStorage.setItem(KEY, next);
      show(next);
    });
}

function isDark(): boolean {
  return getComputedStyle(document.documentElement).colorScheme === "dark"
    || (!document.documentElement.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
}

function show(theme: string | null): void {
  if (theme) document.documentElement.dataset.theme = theme;
  else delete document.documentElement.dataset.theme;
}
