import { readdirSync, readFileSync } from "node:fs";

const EVERY_MILLISECONDS = 20;

/** Watches the memory of the browser's pages that this process started. Linux only. */
export class RendererMemory {
  private timer: ReturnType<typeof setInterval> | undefined;
  private first = 0;
  private most = 0;

  start(): void {
    this.first = this.most = readRenderers();
    this.timer = setInterval(() => (this.most = Math.max(this.most, readRenderers())), EVERY_MILLISECONDS);
  }

  /** Return the bytes by which all pages together grew at most. */
  stop(): number {
    clearInterval(this.timer);
    return this.most - this.first;
  }
}

/** Sum up the resident bytes of the renderers below this process. */
function readRenderers(): number {
  const parents = new Map<number, number>();
  const renderers: number[] = [];
  for (const pid of readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)) {
    parents.set(pid, Number(/^PPid:\s*(\d+)/m.exec(read(pid, "status"))?.[1] ?? 0));
    if (read(pid, "cmdline").includes("--type=renderer")) renderers.push(pid);
  }
  return renderers.filter((pid) => isBelow(pid, parents)).reduce((sum, pid) => sum + residentBytes(pid), 0);
}

function isBelow(pid: number, parents: Map<number, number>): boolean {
  for (let id: number | undefined = pid; id; id = parents.get(id)) if (id === process.pid) return true;
  return false;
}

/** Without the pages that it shares with other processes, such as the browser's code. */
function residentBytes(pid: number): number {
  return 1024 * Number(/^RssAnon:\s*(\d+)/m.exec(read(pid, "status"))?.[1] ?? 0);
}

/** A process may end while it is looked at. */
function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT" || (error as NodeJS.ErrnoException).code === "ESRCH")
      return "";
    throw error;
  }
}
