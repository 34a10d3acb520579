import type { Browser, BrowserContext, CDPSession, Locator, Page } from "playwright-core";

export interface Look {
  width?: number;
  height?: number;
  colorScheme?: "light" | "dark";
  locale?: string;
}

/** The page of the console, as its users see it. */
export class Screen {
  /** What the page complained about. */
  readonly complaints: string[] = [];
  /** Parts and files that S3 took, by the path and the part number of their URLs. */
  readonly taken: string[] = [];
  readonly context: BrowserContext;
  readonly page: Page;
  private session: CDPSession | undefined;

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    this.watch(page);
  }

  static async open(browser: Browser, storageState: State | undefined, look: Look): Promise<Screen> {
    const { width = 1100, height = 800, colorScheme = "light", locale = "en" } = look;
    const context = await browser.newContext({
      viewport: { width, height },
      colorScheme,
      locale,
      ...(storageState ? { storageState } : {}),
    });
    context.setDefaultTimeout(20_000);
    // A test cannot answer this picker, so the console falls back to the plain one.
    await context.addInitScript(() => delete (window as { showOpenFilePicker?: unknown }).showOpenFilePicker);
    // A headless Chromium crashes when it reads a handle from IndexedDB.
    await context.addInitScript(() => delete (DataTransferItem.prototype as Handles).getAsFileSystemHandle);
    return new Screen(context, await context.newPage());
  }

  /** Open another tab of the same browser. */
  async tab(address: string): Promise<Page> {
    const page = await this.context.newPage();
    this.watch(page);
    await page.goto(address);
    return page;
  }

  private watch(page: Page): void {
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      // Chromium itself reports every refused or lost request.
      const isOwn = !message.text().startsWith("Failed to load resource");
      if (isOwn && ["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("response", (response) => {
      const { pathname, searchParams } = new URL(response.url());
      const isPut = response.request().method() === "PUT" && response.ok();
      if (isPut) this.taken.push(`${pathname} ${searchParams.get("partNumber") ?? ""}`.trim());
    });
  }

  button(name: string | RegExp): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** The queue of uploads. */
  get panel(): Locator {
    return this.page.locator("section.uploads");
  }

  /** The row of a file in the queue. */
  row(name: string): Locator {
    return this.panel.getByRole("listitem").filter({ has: this.page.getByText(name, { exact: true }) });
  }

  /** Press a button that opens a picker, and choose files, or a folder. */
  async choose(button: string, ...paths: string[]): Promise<void> {
    const [picker] = await Promise.all([this.page.waitForEvent("filechooser"), this.button(button).first().click()]);
    await picker.setFiles(paths);
  }

  /** Drag files and folders of this machine over the page, and drop them there. */
  async drop(...paths: string[]): Promise<void> {
    await this.drag("dragEnter", paths);
    await this.drag("dragOver", paths);
    await this.drag("drop", paths);
  }

  async drag(type: "dragEnter" | "dragOver" | "drop" | "dragCancel", paths: string[]): Promise<void> {
    const data = { items: [], files: paths, dragOperationsMask: 1 };
    await (await this.devtools()).send("Input.dispatchDragEvent", { type, x: 300, y: 300, data });
  }

  /** Percent of a file that is sent. */
  async percent(name: string): Promise<number> {
    const bar = this.row(name).getByRole("progressbar");
    return bar.evaluate((element) => 100 * (element as HTMLProgressElement).position, undefined, { timeout: 1000 });
  }

  /** Wait until so many percent of a file are sent. */
  async untilSent(name: string, percent: number): Promise<void> {
    const bar = this.row(name).getByRole("progressbar");
    const handle = await bar.elementHandle();
    await this.page.waitForFunction(([element, least]) => 100 * (element as HTMLProgressElement).position >= least, [
      handle,
      percent,
    ] as const);
  }

  /** Wait until this many files are stored. */
  async untilStored(count: number): Promise<void> {
    const words = this.panel.getByText(count === 1 ? "1 file stored" : `${count} files stored`);
    await words.waitFor().catch(async (error: unknown) => {
      throw new Error(`${String(error)}\nThe panel shows: ${await this.panel.innerText()}`);
    });
  }

  /** Set how fast bytes leave, and whether there is a network at all. */
  async setLine({ bytesPerSecond = -1, offline = false } = {}): Promise<void> {
    const line = { offline, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond };
    await (await this.devtools()).send("Network.emulateNetworkConditions", line);
  }

  private async devtools(): Promise<CDPSession> {
    this.session ??= await this.context.newCDPSession(this.page);
    return this.session;
  }
}

interface Handles {
  getAsFileSystemHandle?: unknown;
}

type State = Awaited<ReturnType<BrowserContext["storageState"]>>;
