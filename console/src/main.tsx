import { render } from "preact";
import "@preact/signals";
import { App } from "./app.tsx";
import "./style/console.css";

const mount = document.getElementById("console");
if (mount) {
  mount.replaceChildren();
  render(<App />, mount);
}
