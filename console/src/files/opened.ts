/** The viewer and dialogs of one file, loaded together. */
export { ShareDialog } from "./share.tsx";
export { Viewer } from "./viewer.tsx";
