/** Return the folder of a path with its slash, and the name. */
export function splitPath(path: string): { folder: string; name: string } {
  const end = path.lastIndexOf("/") + 1;
  return { folder: path.slice(0, end), name: path.slice(end) };
}

/** Return the spelling that the service keeps: composed, because Macs and phones send the same letters in two ways. */
export function composed(path: string): string {
  return path.normalize("NFC");
}

/** An ending such as `.jpg` or `.tar.gz`. A name that begins with its only dot has none. */
const ENDING = /^(?<stem>.+?)(?<ending>(?:\.tar)?\.[^. ]+)?$/su;
const NUMBER = / \((?<number>[2-9]|[1-9]\d{1,5})\)$/u;

/** Return a path that is free, such as `holiday (2).jpg` for `holiday.jpg`. */
export function keepBoth(path: string, isTaken: (path: string) => boolean): string {
  const { folder, name } = splitPath(path);
  const { stem = name, ending = "" } = ENDING.exec(name)?.groups ?? {};
  const numbered = NUMBER.exec(stem);
  const base = numbered ? stem.slice(0, numbered.index) : stem;
  for (let number = Number(numbered?.groups?.number ?? 1) + 1; ; number += 1) {
    const free = `${folder}${base} (${number})${ending}`;
    if (!isTaken(free)) return free;
  }
}

/** One listing that finds the files which some paths would meet. */
export interface Listing {
  prefix: string;
  /** True if files in deeper folders do not matter. */
  isFlat: boolean;
}

/** Return the listings that find every file which these paths would meet: one for loose files, one for each folder. */
export function planListings(folder: string, paths: readonly string[]): Listing[] {
  const groups = new Map<string, string[]>();
  for (const path of paths) {
    const below = path.slice(folder.length);
    const top = below.includes("/") ? below.slice(0, below.indexOf("/") + 1) : "";
    const group = groups.get(top);
    if (group) group.push(path);
    else groups.set(top, [path]);
  }
  return [...groups.values()].map((group) => {
    const prefix = commonPrefix(group);
    return { prefix, isFlat: group.every((path) => !path.slice(prefix.length).includes("/")) };
  });
}

function commonPrefix([first = "", ...others]: readonly string[]): string {
  let length = first.length;
  for (const other of others) {
    let same = 0;
    while (same < length && first[same] === other[same]) same += 1;
    length = same;
  }
  const prefix = first.slice(0, length);
  // Half of a surrogate pair is no text that a URL could carry.
  return /[\uD800-\uDBFF]$/u.test(prefix) ? prefix.slice(0, -1) : prefix;
}

/** The facts by which a file is recognised after a reload. */
export interface Known {
  fileName: string;
  size: number;
  modifiedAt?: number | undefined;
}

/** A file that was chosen or dropped, and the path that it would get in the folder in view. */
export interface Candidate {
  path: string;
  relativePath: string;
  size: number;
  modifiedAt: number;
}

/**
 * Return the unfinished upload that a file continues, if there is one: same size, not written since, and the same path,
 * or else the same path below another folder, or else the same name.
 */
export function findSame<T extends Known>(unfinished: readonly T[], file: Candidate): T | undefined {
  const same = unfinished.filter(
    ({ modifiedAt, size }) => size === file.size && (modifiedAt ?? file.modifiedAt) === file.modifiedAt,
  );
  const relative = composed(file.relativePath);
  const { name } = splitPath(relative);
  return (
    same.find(({ fileName }) => composed(fileName) === composed(file.path)) ??
    same.find(({ fileName }) => `/${composed(fileName)}`.endsWith(`/${relative}`)) ??
    same.find(({ fileName }) => splitPath(composed(fileName)).name === name)
  );
}
