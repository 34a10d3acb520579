import type { Browser, BrowserContext, CDPSession, Locator, Page } from "playwright-core";

export interface Look {
  width?: number;
  height?: number;
  colorScheme?: "light" | "dark";
}

/** The screen as its users see it. */
export class Screen {
  /** What the page complained about. */
  readonly complaints: string[] = [];
  /** Parts and files that S3 confirmed, by the path and the part number of their URLs. */
  readonly confirmed: string[] = [];

  readonly context: BrowserContext;
  readonly page: Page;
  private session: CDPSession | undefined;

  private constructor(context: BrowserContext, page: Page) {
    this.context = context;
    this.page = page;
    page.on("pageerror", (error) => this.complaints.push(String(error)));
    page.on("console", (message) => {
      // Chromium itself reports every refused or lost request.
      const isOwn = !message.text().startsWith("Failed to load resource");
      if (isOwn && ["error", "warning"].includes(message.type())) this.complaints.push(message.text());
    });
    page.on("response", (response) => {
      const { pathname, searchParams } = new URL(response.url());
      const isPut = response.request().method() === "PUT" && response.ok();
      if (isPut) this.confirmed.push(`${pathname} ${searchParams.get("partNumber") ?? ""}`);
    });
  }

  static async open(browser: Browser, { width = 390, height = 844, colorScheme = "light" }: Look): Promise<Screen> {
    const permissions = ["clipboard-read", "clipboard-write"];
    const context = await browser.newContext({ viewport: { width, height }, colorScheme, permissions });
    context.setDefaultTimeout(30_000);
    return new Screen(context, await context.newPage());
  }

  async signIn(user = "demo_user", password = "demo-password"): Promise<void> {
    await this.page.getByLabel("User").fill(user);
    await this.page.getByLabel("Password").fill(password);
    await this.button("Sign in").click();
  }

  button(name: string): Locator {
    return this.page.getByRole("button", { name, exact: true });
  }

  /** Press a button that opens a picker, and choose files. */
  async choose(button: string, ...paths: string[]): Promise<void> {
    const [picker] = await Promise.all([this.page.waitForEvent("filechooser"), this.button(button).click()]);
    await picker.setFiles(paths);
  }

  /** An upload: it has a progress bar, or buttons to choose its file again. */
  upload(name: string): Locator {
    const row = this.page.getByRole("group", { name, exact: true });
    return row.filter({ has: this.page.getByRole("button", { name: `Cancel ${name}`, exact: true }) });
  }

  /** A stored file. */
  file(name: string): Locator {
    const row = this.page.getByRole("group", { name: new RegExp(`${escape(name)}$`) });
    return row.filter({ has: this.page.getByRole("button", { name: /^(Open|Keep) / }) });
  }

  /** Percent of an upload. */
  async percent(name: string): Promise<number> {
    const bar = this.upload(name).getByRole("progressbar");
    return Number(await bar.getAttribute("aria-valuenow", { timeout: 1000 }));
  }

  /** Wait until an upload has sent so many percent. */
  async untilSent(name: string, percent: number): Promise<void> {
    await this.upload(name).waitFor();
    for (const start = Date.now(); (await this.percent(name)) < percent; await this.page.waitForTimeout(50)) {
      if (Date.now() - start > 30_000) throw new Error(`${name} has not sent ${percent} %.`);
    }
  }

  /** Set how fast bytes leave, and whether there is a network at all. */
  async setLine({
    bytesPerSecond = -1,
    offline = false,
  }: {
    bytesPerSecond?: number;
    offline?: boolean;
  }): Promise<void> {
    this.session ??= await this.context.newCDPSession(this.page);
    const line = { offline, latency: 0, downloadThroughput: -1, uploadThroughput: bytesPerSecond };
    await this.session.send("Network.emulateNetworkConditions", line);
  }
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
