import { Questions } from "./dialogs/confirm.tsx";
import { FolderView } from "./files/folder-view.tsx";
import { RowMenu } from "./files/menu.tsx";
import { ShareDialog } from "./files/share.tsx";
import { Viewer } from "./files/viewer.tsx";
import { Icon } from "./icons.tsx";
import { view, type View } from "./location.ts";
import { isOnline } from "./network.ts";
import { user } from "./session.ts";
import { Drawer, Sidebar } from "./shell/sidebar.tsx";
import { SignInAgain } from "./shell/sign-in-again.tsx";
import { Topbar } from "./shell/topbar.tsx";
import { AttentionView } from "./staff/attention.tsx";
import { BucketsView } from "./staff/buckets.tsx";
import { HousekeepingView } from "./staff/housekeeping.tsx";
import { _ } from "./text.ts";
import { UploadPanel } from "./uploads/panel.tsx";

const VIEWS: Record<View, () => preact.JSX.Element> = {
  files: FolderView,
  buckets: BucketsView,
  attention: AttentionView,
  housekeeping: HousekeepingView,
};

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
      <Viewer />
      <ShareDialog />
      <Questions />
      <SignInAgain />
    </>
  );
}
