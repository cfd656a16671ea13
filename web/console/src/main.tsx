import { render } from "preact";
import { App } from "./App.tsx";
import "./styles/tokens.css";
import "./styles/base.css";
import "./styles/controls.css";
import "./styles/people.css";
import "./styles/pages.css";
import "./styles/room.css";
import { applyTheme, savedTheme } from "./theme.ts";

applyTheme(savedTheme());
const root = document.getElementById("app");
if (root) render(<App />, root);
