import type { ComponentType } from "preact";
import { Questions } from "./dialogs/confirm.tsx";
import { FolderView } from "./files/folder-view.tsx";
import { RowMenu } from "./files/menu.tsx";
import { Icon } from "./icons.tsx";
import { shared } from "./files/shared.ts";
import { lazy } from "./lazy.tsx";
import { openedFile, view, type View } from "./location.ts";
import { isOnline } from "./network.ts";
import { user } from "./session.ts";
import { Drawer, Sidebar } from "./shell/sidebar.tsx";
import { SignInAgain } from "./shell/sign-in-again.tsx";
import { Topbar } from "./shell/topbar.tsx";
import { _ } from "./text.ts";
import { UploadPanel } from "./uploads/panel.tsx";

const VIEWS: Record<View, ComponentType> = {
  files: FolderView,
  buckets: lazy(async () => (await import("./staff/views.ts")).BucketsView),
  attention: lazy(async () => (await import("./staff/views.ts")).AttentionView),
  housekeeping: lazy(async () => (await import("./staff/views.ts")).HousekeepingView),
};
const Viewer = lazy(async () => (await import("./files/opened.ts")).Viewer);
const ShareDialog = lazy(async () => (await import("./files/opened.ts")).ShareDialog);

/** The whole page. */
export function App() {
  const Shown = user.value.isStaff ? VIEWS[view.value] : FolderView;
  return (
    <>
      <a class="skip" href="#main">
        {_("Skip to the files")}
      </a>
      <Topbar />
      {!isOnline.value && (
        <p class="offline">
          <Icon name="offline" size={18} />
          {_("You are offline. Uploads go on by themselves once the network is back.")}
        </p>
      )}
      <div class="shell">
        <Sidebar />
        <main id="main" tabIndex={-1}>
          <Shown />
        </main>
      </div>
      <UploadPanel />
      <RowMenu />
      <Drawer />
      {openedFile.value && <Viewer />}
      {shared.value && <ShareDialog />}
      <Questions />
      <SignInAgain />
    </>
  );
}
