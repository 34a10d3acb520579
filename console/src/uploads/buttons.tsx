import { Icon } from "../icons.tsx";
import { _ } from "../text.ts";
import { currentTarget, take } from "./intake.ts";
import { pick, pickWithHandles, readFiles } from "./picked.ts";

/** Buttons that choose files and folders; they stand in the toolbar of the open folder. */
export function UploadButtons() {
  if (!currentTarget()) return null;
  return (
    <div class="upload-buttons">
      <button type="button" class="button button-primary" onClick={() => void chooseFiles()}>
        <Icon name="upload" />
        <span class="button-text">{_("Upload files")}</span>
      </button>
      <button type="button" class="button" onClick={() => void chooseFolder()}>
        <Icon name="folderUp" />
        <span class="button-text">{_("Upload folder")}</span>
      </button>
    </div>
  );
}

async function chooseFiles(): Promise<void> {
  const target = currentTarget();
  const selection = (await pickWithHandles()) ?? readFiles(await pick());
  if (selection.picked.length || selection.unreadable.length) await take(selection, target);
}

async function chooseFolder(): Promise<void> {
  const target = currentTarget();
  const files = await pick({ folder: true });
  if (files.length) await take(readFiles(files), target);
}
