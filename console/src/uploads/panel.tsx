/** The queue of uploads, at the edge of the page. */
export function UploadPanel() {
  return null;
}

/** Buttons that choose files and folders; they stand in the toolbar of the open folder. */
export function UploadButtons() {
  return null;
}

/** Limits and quota of the open bucket; it stands above the files. */
export function UsageBar() {
  return null;
}
