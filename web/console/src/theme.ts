/** The choice of light or dark, kept for every tab of this browser. */
export type Theme = "system" | "light" | "dark";

const key = "rapport.theme";
const order: readonly Theme[] = ["system", "light", "dark"];

export function savedTheme(): Theme {
  const saved = localStorage.getItem(key);
  return order.find((theme) => theme === saved) ?? "system";
}

/** Shows the theme on this page and keeps it for the next one. */
export function applyTheme(theme: Theme): void {
  localStorage.setItem(key, theme);
  if (theme === "system") delete document.documentElement.dataset["theme"];
  else document.documentElement.dataset["theme"] = theme;
}

export function nextTheme(theme: Theme): Theme {
  return order[(order.indexOf(theme) + 1) % order.length] ?? "system";
}
