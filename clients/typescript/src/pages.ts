import type { Fields, Service } from "./http/service.js";

interface Body<T> {
  next: string | null;
  results: T[];
  prefixes?: string[];
}

/** One page of a list. */
export interface Page<T> {
  items: T[];
  /** Folders, if the list has a `delimiter`; otherwise empty. */
  prefixes: string[];
  /** True if this is the last page. */
  isLast: boolean;
}

/** A list in pages. Each method throws `UploaderError`. It is no async generator, because Hermes has none. */
export class Pages<T> {
  private rest: string | undefined;

  /** @internal */
  constructor(
    private readonly service: Service,
    private readonly path: string,
    private query: Fields | undefined,
    private readonly signal?: AbortSignal,
  ) {
    this.rest = path;
  }

  /** Return the next page, beginning with the first; null after the last. */
  async page(): Promise<Page<T> | null> {
    if (!this.rest) return null;
    const call = { query: this.query, signal: this.signal };
    const { next, prefixes = [], results } = await this.service.call<Body<T>>("GET", this.rest, call);
    // Only the query of `next` counts: behind a proxy its host and scheme may be those of an inner server.
    this.rest = next ? `${this.path}?${next.split("?")[1] ?? ""}` : undefined;
    this.query = undefined;
    return { items: results, prefixes, isLast: !next };
  }

  /** Return the items of all remaining pages. */
  async all(): Promise<T[]> {
    const items: T[] = [];
    for (let page = await this.page(); page; page = await this.page()) items.push(...page.items);
    return items;
  }
}
