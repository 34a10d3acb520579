import { LiveRegion } from "./live.tsx";
import { bucket } from "./location.ts";
import { user } from "./session.ts";
import { _ } from "./text.ts";
import { Toasts } from "./toasts.tsx";
import { UploadButtons, UploadPanel, UsageBar } from "./uploads/panel.tsx";

/** The whole page. */
export function App() {
  return (
    <>
      <header>{user.value.name}</header>
      <main id="main" tabIndex={-1}>
        <h1>{bucket.value || _("Files")}</h1>
        <UploadButtons />
        <UsageBar />
      </main>
      <UploadPanel />
      <Toasts />
      <LiveRegion />
    </>
  );
}
