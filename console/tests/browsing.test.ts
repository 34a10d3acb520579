import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { pdf, png, wav } from "./support/samples.ts";
import { openScreen, world } from "./support/shared.ts";

const MANY = 10_000;
const PASSWORD = "demo-password"; // pragma: allowlist secret

/** Return the names in the list, from the top. */
async function names(page: Page): Promise<string[]> {
  return page.locator(".row-open").allInnerTexts();
}

function link(page: Page, name: string) {
  return page.locator(".row-open", { hasText: name });
}

async function untilNames(page: Page, expected: string[]): Promise<void> {
  await page.waitForFunction(
    (list) => [...document.querySelectorAll(".row-open")].map((each) => each.textContent).join() === list,
    expected.join(),
  );
}

test("signing in leads to the page that was asked for, and signing out ends the session", async () => {
  const bucket = await world.bucket();
  await world.put(bucket, "a/deep.txt", "deep");
  const screen = await world.openSignedOut();
  const { page } = screen;
  await page.goto(world.address(bucket, "a/"));
  assert.equal(await page.getByLabel("Username").getAttribute("autocomplete"), "username");
  assert.equal(await page.getByLabel("Password").getAttribute("autocomplete"), "current-password");
  await page.getByLabel("Username").fill("demo_user");
  await page.getByLabel("Password").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").filter({ hasText: "correct username and password" }).waitFor();
  await page.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await link(page, "deep.txt").waitFor();

  await page.getByRole("button", { name: "Account of demo_user" }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto(world.address(bucket));
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.deepEqual(screen.complaints, []);
  await screen.context.close();
});

test("folders, search, filters and order show what they promise", async () => {
  const bucket = await world.bucket();
  const files: [string, string | Buffer][] = [
    ["Photos/2026/beach.png", png(1)],
    ["Photos/pier.png", png(2)],
    ["Été.txt", "summer"],
    ["report 10.pdf", pdf()],
    ["report 9.pdf", Buffer.concat([pdf(), Buffer.alloc(3000)])],
    ["other/of another.txt", "hers"],
  ];
  for (const [path, content] of files)
    await world.put(bucket, path, content, path.startsWith("other") ? "staff" : "user");
  const { page } = await openScreen(bucket);
  await untilNames(page, ["Photos (folder)", "Été.txt", "report 9.pdf", "report 10.pdf"]);

  await link(page, "Photos").click();
  await untilNames(page, ["2026 (folder)", "pier.png"]);
  await link(page, "2026").click();
  await untilNames(page, ["beach.png"]);
  await page.getByRole("navigation", { name: "Folders" }).getByRole("link", { name: "Photos" }).click();
  await untilNames(page, ["2026 (folder)", "pier.png"]);
  await page.goBack();
  await untilNames(page, ["beach.png"]);
  await page.goto(world.address(bucket));

  await page.getByRole("searchbox").fill("ete");
  await untilNames(page, ["Été.txt"]);
  await page.getByRole("searchbox").fill("BEACH");
  await untilNames(page, ["beach.png"]);
  await page.getByText("Photos/2026/").waitFor();
  await page.getByRole("searchbox").fill("nothing like it");
  await page.getByRole("heading", { name: "Nothing was found" }).waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await untilNames(page, ["Photos (folder)", "Été.txt", "report 9.pdf", "report 10.pdf"]);

  await page.getByRole("button", { name: "Size" }).click();
  await untilNames(page, ["Photos (folder)", "report 9.pdf", "report 10.pdf", "Été.txt"]);
  assert.equal(await page.getByRole("columnheader", { name: "Size" }).getAttribute("aria-sort"), "descending");
  await page.getByRole("button", { name: "Filters" }).click();
  await page.getByLabel("Type").selectOption({ label: "Documents" });
  await page.getByLabel("Order").selectOption({ label: "Name, Z to A" });
  await untilNames(page, ["report 10.pdf", "report 9.pdf", "Été.txt"]);
  await page.getByLabel("Status").selectOption({ label: "Rejected" });
  await page.getByRole("heading", { name: "Nothing was found" }).waitFor();

  await page.goto(world.address(bucket, "Photos/2026/"));
  await page.getByRole("button", { name: "Tiles" }).click();
  await page.locator(".tile img").waitFor();
  await page.waitForFunction(() => (document.querySelector(".tile img") as HTMLImageElement).naturalWidth === 64);
});

test("a file is looked at, downloaded and shared, and its link revoked", async () => {
  const bucket = await world.bucket();
  const text = "One line.\n".repeat(30_000);
  await world.put(bucket, "1 picture.png", png(3));
  await world.put(bucket, "2 sound.wav", wav());
  await world.put(bucket, "3 paper.pdf", pdf());
  await world.put(bucket, "4 text.txt", text);
  await world.put(bucket, "5 other.bin", Buffer.from([1, 2, 3]));
  const screen = await openScreen(bucket);
  const { page } = screen;
  await screen.context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await link(page, "1 picture.png").click();
  const viewer = page.locator(".viewer");
  await page.waitForFunction(() => document.querySelector<HTMLImageElement>(".preview-image")?.naturalWidth === 64);
  await viewer.getByText("image/png").waitFor();
  await viewer.getByText(/^[0-9a-f]{64}$/).waitFor();
  await page.keyboard.press("ArrowRight");
  await page.waitForFunction(() => (document.querySelector("audio")?.readyState ?? 0) > 0);
  await page.keyboard.press("ArrowRight");
  // Some Chromiums have no viewer of PDF, as on phones.
  await viewer.locator("iframe[title='3 paper.pdf']").or(viewer.getByText("Open the PDF in a new tab")).waitFor();
  await page.keyboard.press("ArrowRight");
  await viewer.getByText("This is the beginning.").waitFor();
  assert.equal(await viewer.locator("pre").innerText(), text.slice(0, 200_000));
  await viewer.getByRole("button", { name: "Next file" }).click();
  await viewer.getByText("Browsers cannot show files of this type.").waitFor();
  assert.equal(await viewer.getByRole("button", { name: "Next file" }).count(), 0);

  const [download] = await Promise.all([
    page.waitForEvent("download"),
    viewer.locator(".viewer-head").getByRole("button", { name: "Download" }).click(),
  ]);
  assert.equal(download.suggestedFilename(), "5 other.bin");

  await viewer.getByRole("button", { name: "Share by link" }).click();
  const dialog = page.getByRole("dialog", { name: "Share 5 other.bin" });
  await dialog.getByLabel("Expires after").selectOption({ label: "1 day" });
  await dialog.getByLabel("Downloads at most").fill("2");
  await dialog.getByRole("button", { name: "Create and copy link" }).click();
  await dialog.getByText("0 of 2 downloads").waitFor();
  const url = await dialog.getByLabel("New link").inputValue();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), url);
  assert.equal((await (await fetch(url)).arrayBuffer()).byteLength, 3);
  await dialog.getByRole("button", { name: /^Revoke the link/ }).click();
  await dialog.getByText("There are no links.").waitFor();
  assert.equal((await fetch(url)).status, 404);
  await page.keyboard.press("Escape");

  await page.goBack();
  await viewer.waitFor({ state: "detached" });
  await page.waitForFunction(() => document.activeElement?.textContent === "5 other.bin");
});

test("files are deleted with undo, when the time is over, and when the page closes", async () => {
  const bucket = await world.bucket();
  for (const name of ["a", "b", "c", "d", "e", "f"]) await world.put(bucket, `${name}.txt`, name);
  for (const name of ["x", "y", "z/w"]) await world.put(bucket, `folder/${name}.txt`, name);
  const { page } = await openScreen(bucket);
  const paths = async () => (await world.records(bucket)).map(({ path }) => path).sort();

  await page.getByRole("checkbox", { name: "Select b.txt" }).click();
  await page.getByRole("checkbox", { name: "Select d.txt" }).click({ modifiers: ["Shift"] });
  await page.getByText("3 selected").first().waitFor();
  await page.getByRole("button", { name: "Delete" }).click();
  await untilNames(page, ["folder (folder)", "a.txt", "e.txt", "f.txt"]);
  await page.getByRole("button", { name: "Undo" }).click();
  await untilNames(page, ["folder (folder)", "a.txt", "b.txt", "c.txt", "d.txt", "e.txt", "f.txt"]);

  await page.getByRole("button", { name: "Actions for a.txt" }).click();
  await page.getByRole("menuitem", { name: "Delete" }).click();
  await page.getByText("a.txt is deleted.").first().waitFor();
  assert.ok((await paths()).includes("a.txt"), "The server was told too early.");
  await page.getByRole("button", { name: "Dismiss" }).click();
  await untilNames(page, ["folder (folder)", "b.txt", "c.txt", "d.txt", "e.txt", "f.txt"]);
  while ((await paths()).includes("a.txt")) await page.waitForTimeout(50);

  await page.getByRole("checkbox", { name: "Select folder" }).click();
  await page.getByRole("button", { name: "Delete" }).click();
  const question = page.getByRole("dialog", { name: "Delete the folder folder?" });
  await question.getByText("This deletes 3 files of 5 bytes.").waitFor();
  await question.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("checkbox", { name: "Select f.txt" }).click();
  await page.keyboard.press("Tab");
  await page.keyboard.press("Delete");
  await page.goto("about:blank");
  for (let round = 0; (await paths()).length > 4; round += 1) {
    assert.ok(round < 100, `The closing page told the server too little: ${(await paths()).join()}`);
    await page.waitForTimeout(50);
  }
  assert.deepEqual(await paths(), ["b.txt", "c.txt", "d.txt", "e.txt"]);
});

test("the keyboard alone opens, selects, shares and deletes", async () => {
  const bucket = await world.bucket();
  for (const name of ["one", "two", "three"]) await world.put(bucket, `${name}.txt`, name);
  const { page } = await openScreen(bucket);
  await link(page, "two.txt").waitFor();
  const focused = () =>
    page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent);
  const tabTo = async (name: string) => {
    for (let step = 0; (await focused()) !== name; step += 1) {
      assert.ok(step < 40, `Tab does not reach ${name}.`);
      await page.keyboard.press("Tab");
    }
  };
  await page.keyboard.press("Tab");
  assert.equal(await focused(), "Skip to the files");
  await page.keyboard.press("Enter");
  await tabTo("one.txt");
  await page.keyboard.press("ArrowDown");
  await page.waitForFunction(() => document.activeElement?.textContent === "three.txt");
  await page.keyboard.press("Shift+ArrowDown");
  await page.waitForFunction(() => document.activeElement?.textContent === "two.txt");
  await page.getByText("2 selected").first().waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Enter");
  await page.locator(".viewer pre").waitFor();
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement?.textContent === "two.txt");
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(), "Share by link");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Share two.txt" }).waitFor();
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.activeElement?.getAttribute("aria-label") === "Actions for two.txt");
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Delete");
  await untilNames(page, ["one.txt", "three.txt"]);
  await page.waitForFunction(() => document.activeElement?.textContent === "three.txt");
});

test("a session that ends asks for the password, and the page goes on", async () => {
  const bucket = await world.bucket();
  await world.put(bucket, "kept/file.txt", "text");
  const screen = await openScreen(bucket);
  const { page } = screen;
  await link(page, "kept").waitFor();
  const other = await screen.tab(world.address(bucket));
  await link(other, "kept").waitFor();
  await screen.context.clearCookies();

  await link(page, "kept").click();
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await dialog.getByLabel("Password").fill("wrong");
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").waitFor();
  await dialog.getByLabel("Password").fill(PASSWORD);
  await page.keyboard.press("Enter");
  await untilNames(page, ["file.txt"]);
  // The other tab has the token of the session before, and works.
  await other.getByRole("button", { name: "Actions for kept" }).waitFor();
  await link(other, "kept").click();
  await untilNames(other, ["file.txt"]);
  await other.getByRole("button", { name: "Actions for file.txt" }).click();
  await other.getByRole("menuitem", { name: "Delete" }).click();
  await other.getByRole("button", { name: "Dismiss" }).click();
  while ((await world.records(bucket)).length) await other.waitForTimeout(50);

  const staff = await openScreen(bucket, { as: "staff" });
  await screen.context.addCookies(await staff.context.cookies());
  await page.evaluate(() => document.dispatchEvent(new Event("visibilitychange")));
  await page.getByRole("button", { name: "Account of demo_staff" }).waitFor();
});

test("offline, failing and empty lists say what is the matter", async () => {
  const bucket = await world.bucket();
  const screen = await openScreen(bucket);
  const { page } = screen;
  await page.getByRole("heading", { name: "This folder is empty" }).waitFor();
  await page.route("**/uploads/folder/**", (route) =>
    route.fulfill({ status: 400, json: { detail: "Broken.", code: "invalid" } }),
  );
  await page.reload();
  await page.getByRole("alert").filter({ hasText: "Broken." }).waitFor();
  await page.unroute("**/uploads/folder/**");
  await page.getByRole("button", { name: "Try again" }).click();
  await page.getByRole("heading", { name: "This folder is empty" }).waitFor();
  await screen.setLine({ offline: true });
  await page.getByText("Uploads go on by themselves once the network is back.").waitFor();
  await screen.setLine();
  await page.getByText("Uploads go on by themselves once the network is back.").waitFor({ state: "detached" });
});

test("ten thousand files scroll, sort and search without a hitch", async () => {
  const bucket = await world.bucket();
  await world.python("console/tests/support/many_records.py", bucket, String(MANY));
  const { page } = await openScreen(bucket);
  await link(page, "00000 of many.pdf").waitFor();
  await page.evaluate(() => {
    const tasks: number[] = [];
    Object.assign(globalThis, { tasks });
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map(({ duration }) => duration))).observe({
      type: "longtask",
    });
  });
  const worst = async () => {
    const tasks = await page.evaluate(() => (globalThis as unknown as { tasks: number[] }).tasks.splice(0));
    return { count: tasks.length, longest: Math.round(Math.max(0, ...tasks)) };
  };
  let last = "";
  for (let round = 0; !last.startsWith("09999"); round += 1) {
    assert.ok(round < 400, `Scrolling ends at ${last}.`);
    await page.mouse.wheel(0, 20_000);
    await page.waitForTimeout(60);
    last = (await names(page)).at(-1) ?? "";
  }
  const scrolling = await worst();
  const rowsInDocument = await page.locator(".line").count();
  await page.evaluate(() => scrollTo(0, 0));
  await page.getByRole("button", { name: "Size" }).click();
  await page.getByRole("searchbox").fill("0420");
  await page.waitForFunction(
    () => document.querySelectorAll(".row-open").length < 30 && document.body.innerText.includes("04200 of many"),
  );
  const searching = await worst();
  await page.getByRole("searchbox").fill("");
  await page.getByRole("checkbox", { name: "Select all" }).click();
  await page.getByText("10,000 selected").first().waitFor();
  const heap = await page.evaluate(
    () => (performance as unknown as { memory: { usedJSHeapSize: number } }).memory.usedJSHeapSize,
  );
  const megabytes = Math.round(heap / 1e6);
  console.log(JSON.stringify({ files: MANY, rowsInDocument, scrolling, searching, megabytes }));
  assert.ok(rowsInDocument < 60, `${rowsInDocument} rows are in the document.`);
  assert.ok(megabytes < 150, `The page takes ${megabytes} MB.`);
});
