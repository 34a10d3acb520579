import type { Client } from "../client.js";
import { toUploaderError, type UploaderError } from "../errors.js";
import type { Pages } from "../pages.js";
import type { ListedFile, ListOptions } from "../resources.js";

/** The files that a component shows. */
export interface ShownFiles {
  files: readonly ListedFile[];
  isLoading: boolean;
  error: UploaderError | undefined;
  hasMore: boolean;
}

export interface FilesQuery extends Pick<ListOptions, "pageSize"> {
  prefix?: string;
}

const PAGE_SIZE = 100;
const LARGEST_PAGE_SIZE = 1000;

/** A list that grows page by page. Only the newest request changes it. */
export class FileList {
  shown: ShownFiles = { files: [], isLoading: true, error: undefined, hasMore: false };
  private readonly listeners = new Set<() => void>();
  private pages: Pages<ListedFile> | undefined;
  private abort = new AbortController();

  constructor(
    private readonly client: Client,
    private readonly bucket: string,
    private readonly query: FilesQuery,
  ) {}

  readonly refresh = async (): Promise<void> => {
    this.stop();
    this.abort = new AbortController();
    const shown = Math.max(this.shown.files.length, this.query.pageSize ?? PAGE_SIZE);
    const query = { ...this.query, pageSize: Math.min(shown, LARGEST_PAGE_SIZE), signal: this.abort.signal };
    this.pages = this.client.files(this.bucket, query);
    await this.load(this.pages, []);
  };

  readonly more = async (): Promise<void> => {
    const { files, hasMore, isLoading } = this.shown;
    if (this.pages && hasMore && !isLoading) await this.load(this.pages, files);
  };

  /** Forget what is on its way. */
  stop(): void {
    this.pages = undefined;
    this.abort.abort();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  }

  private async load(pages: Pages<ListedFile>, earlier: readonly ListedFile[]): Promise<void> {
    this.change({ isLoading: true });
    try {
      const page = await pages.page();
      if (pages !== this.pages) return;
      const files = [...earlier, ...(page?.items ?? [])];
      this.change({ files, hasMore: page !== null && !page.isLast, isLoading: false, error: undefined });
    } catch (failure) {
      if (pages === this.pages) this.change({ isLoading: false, error: toUploaderError(failure) });
    }
  }

  private change(changes: Partial<ShownFiles>): void {
    this.shown = { ...this.shown, ...changes };
    for (const listener of this.listeners) listener();
  }
}
