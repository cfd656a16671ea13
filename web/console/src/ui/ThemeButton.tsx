import { useState } from "preact/hooks";
import { applyTheme, nextTheme, savedTheme, type Theme } from "../theme.ts";
import { MoonIcon, SunIcon, SystemIcon } from "./icons.tsx";

const names: Readonly<Record<Theme, string>> = { system: "as the system", light: "light", dark: "dark" };

/** Goes from the system's colours to light to dark. */
export function ThemeButton() {
  const [theme, setTheme] = useState(savedTheme);
  return (
    <button
      type="button"
      class="quiet round"
      aria-label={`Colours: ${names[theme]}`}
      title={`Colours: ${names[theme]}`}
      onClick={() => {
        const next = nextTheme(theme);
        applyTheme(next);
        setTheme(next);
      }}
    >
      {theme === "system" ? <SystemIcon /> : theme === "light" ? <SunIcon /> : <MoonIcon />}
    </button>
  );
}
