import { render } from "preact";
import "@preact/signals";
import { App } from "./app.tsx";
import { messages } from "./layers.ts";
import { watchListing } from "./listing.ts";
import { LiveRegion } from "./live.tsx";
import { checkSession } from "./session.ts";
import { Toasts } from "./toasts.tsx";
import "./style/console.css";

const mount = document.getElementById("console");
if (mount) {
  mount.replaceChildren();
  render(<App />, mount);
  document.body.append(messages);
  render(
    <>
      <Toasts />
      <LiveRegion />
    </>,
    messages,
  );
  watchListing();
  // Going back may restore this page as it was left. What it deleted on leaving is gone by now.
  addEventListener("pageshow", ({ persisted }) => persisted && location.reload());
  // Another tab may have signed in meanwhile, also as another user.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") void checkSession().catch(() => undefined);
  });
}
