/** Line icons on a grid of 24; they take the colour of the text. */
const PATHS = {
  archive: "M5 4h14v16H5zM12 4v3m0 2v2m0 2v2M10 17h4",
  arrowDown: "M12 5v14m-5-5 5 5 5-5",
  arrowUp: "M12 19V5m-5 5 5-5 5 5",
  audio: "M9 18V6l10-2v12M9 18a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0zm10-2a2.5 2.5 0 1 1-5 0 2.5 2.5 0 0 1 5 0z",
  broom: "M14 4 9.5 12M7 11l6 3.5c-1 3-2.5 4.5-4 6L3.5 17c1.5-1.5 2.5-3 3.5-6z",
  bucket: "M4 7c0-1.7 3.6-3 8-3s8 1.3 8 3-3.6 3-8 3-8-1.3-8-3zm0 0 2 11c.2 1.1 2.7 2 6 2s5.8-.9 6-2l2-11",
  check: "m5 12.5 4.5 4.5L19 7.5",
  chevron: "m9 6 6 6-6 6",
  close: "m6 6 12 12M18 6 6 18",
  code: "m8 8-4 4 4 4m8-8 4 4-4 4M13.5 5l-3 14",
  copy: "M9 9h10v11H9zM5 15V4h10",
  document: "M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6",
  download: "M12 4v11m-5-5 5 5 5-5M5 20h14",
  file: "M6 3h8l4 4v14H6zM14 3v4h4",
  filter: "M4 6h16M7 12h10m-7 6h4",
  folder: "M3 6.5C3 5.7 3.7 5 4.5 5H9l2 2.5h8.5c.8 0 1.5.7 1.5 1.5v8.5c0 .8-.7 1.5-1.5 1.5h-15c-.8 0-1.5-.7-1.5-1.5z",
  folderPlus:
    "M3 6.5C3 5.7 3.7 5 4.5 5H9l2 2.5h8.5c.8 0 1.5.7 1.5 1.5v8.5c0 .8-.7 1.5-1.5 1.5h-15c-.8 0-1.5-.7-1.5-1.5zM12 10.5v5M9.5 13h5",
  folderUp:
    "M3 6.5C3 5.7 3.7 5 4.5 5H9l2 2.5h8.5c.8 0 1.5.7 1.5 1.5v8.5c0 .8-.7 1.5-1.5 1.5h-15c-.8 0-1.5-.7-1.5-1.5zM12 16.5v-6m-2.5 2.5 2.5-2.5 2.5 2.5",
  grid: "M4 4h6.5v6.5H4zM13.5 4H20v6.5h-6.5zM4 13.5h6.5V20H4zM13.5 13.5H20V20h-6.5z",
  image: "M4 5h16v14H4zM4 16l4.5-4.5 3.5 3.5 3-3 5 4.5M15.5 9.5h.01",
  info: "M12 21a9 9 0 1 1 0-18 9 9 0 0 1 0 18zM12 11v5.5M12 7.5h.01",
  link: "M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.3l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3A4 4 0 0 0 11 18.7l1-1",
  list: "M8.5 6H20M8.5 12H20M8.5 18H20M4.5 6h.01M4.5 12h.01M4.5 18h.01",
  menu: "M4 6.5h16M4 12h16M4 17.5h16",
  more: "M12 5.5h.01M12 12h.01M12 18.5h.01",
  offline: "M4 4l16 16M8 8.5A8 8 0 0 0 5 11m14 0a9 9 0 0 0-7-3M8.5 14.5a5 5 0 0 1 6-.5M12 19h.01",
  pause: "M9 6v12M15 6v12",
  play: "M8 5.5v13l10.5-6.5z",
  plus: "M12 5v14M5 12h14",
  refresh: "M19.5 12a7.5 7.5 0 1 1-2.2-5.3L20 9m0-5v5h-5",
  search: "M11 18a7 7 0 1 1 0-14 7 7 0 0 1 0 14zm5-2 4.5 4.5",
  shield: "M12 3l7.5 3v5.5c0 4.5-3 8-7.5 9.5-4.5-1.5-7.5-5-7.5-9.5V6zM12 8.5v4M12 15.5h.01",
  trash: "M5 7h14M10 7V4.5h4V7M7 7l1 13h8l1-13M10.5 11v5.5M13.5 11v5.5",
  upload: "M12 16V5m-5 5 5-5 5 5M5 20h14",
  user: "M12 12a4 4 0 1 1 0-8 4 4 0 0 1 0 8zM4.5 20c.8-3.5 3.8-5 7.5-5s6.7 1.5 7.5 5",
  video: "M4 5h16v14H4zM10 9v6l5-3z",
  warning: "M12 4 2.5 20h19zM12 10v4.5M12 17h.01",
} as const;

/** Name of an icon. */
export type IconName = keyof typeof PATHS;

/** An icon for the eye only: the control around it has a name. */
export function Icon({ name, size = 20 }: { name: IconName; size?: number }) {
  return (
    <svg class={`icon icon-${name}`} viewBox="0 0 24 24" width={size} height={size} aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
