import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { brotliCompressSync } from "node:zlib";
import type { Page } from "playwright-core";
import { audit } from "./support/axe.ts";
import { pdf, png, wav } from "./support/samples.ts";
import { openScreen, world } from "./support/shared.ts";

/** A folder for screenshots, if they are wanted. */
const { SCREENSHOTS } = process.env;
const NARROW = { width: 360, height: 780 };
const WIDE = { width: 1440, height: 900 };
const SCHEMES = ["light", "dark"] as const;
const TARGET_PIXELS = 24;
const FIRST_LOAD_LIMIT_BYTES = 60_000;

/** Fail if axe-core finds anything in a view, a target is small, or something leaves the screen: at two widths, in two colour schemes. */
async function inspect(page: Page, name: string, part = "body", sizes = [NARROW, WIDE]): Promise<void> {
  for (const size of sizes) {
    await page.setViewportSize(size);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      // Colours, images and virtual rows follow on the next frames.
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}-${size.width}-${colorScheme}.png`) });
      await audit(page, part);
    }
    const small = await page.locator(`${part} :is(button, a, input, select)`).evaluateAll((all, least) => {
      const boxes = all
        .filter((each) => each.checkVisibility())
        .map((each) => [each, each.getBoundingClientRect()] as const);
      // The label around a checkbox is its target; the link to skip is hidden until it has the focus.
      const targets = boxes.filter(([each]) => !each.matches(".check input, .skip, [type=hidden]"));
      return targets.filter(([, box]) => box.width < least || box.height < least).map(([each]) => each.outerHTML);
    }, TARGET_PIXELS);
    assert.deepEqual(small, [], `${name} at ${size.width}`);
    const isTooWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    assert.equal(isTooWide, false, `${name} at ${size.width} is too wide`);
  }
}

async function fill(bucket: string): Promise<void> {
  const names = ["Dunes", "Harbour at dawn", "Ferry in the fog, seen from the old pier in the north"];
  for (const [index, name] of names.entries()) await world.put(bucket, `${name}.png`, png(index + 1));
  await world.put(bucket, "Itinerary.pdf", pdf());
  await world.put(bucket, "Packing list.txt", "Sun hat\nTowels\n");
  await world.put(bucket, "Waves.wav", wav());
  await world.put(bucket, "Tickets/Boarding pass.pdf", pdf());
}

test("each view of files is for everybody to use", async () => {
  const bucket = await world.bucket("limited-holiday");
  const screen = await world.openSignedOut();
  await inspect(screen.page, "sign-in");
  await screen.context.close();

  const { page } = await openScreen(bucket);
  await page.getByRole("heading", { name: "This folder is empty" }).waitFor();
  await inspect(page, "empty");
  const full = await world.bucket("holiday");
  await fill(full);
  await page.goto(world.address(full));
  await page.locator(".line img").first().waitFor();
  await inspect(page, "table");
  await page.getByRole("button", { name: "Filters" }).click();
  await page.getByRole("checkbox", { name: "Select Dunes.png" }).click();
  await inspect(page, "selection");
  await page.getByRole("button", { name: "Actions for Dunes.png" }).click();
  await inspect(page, "menu", ".menu", [WIDE]);
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Unselect all" }).click();
  await page.getByRole("button", { name: "Tiles" }).click();
  await inspect(page, "tiles");

  await page.getByRole("link", { name: "Dunes.png" }).click();
  await page.locator(".preview-image").waitFor();
  if (!(await page.locator(".details").count())) await page.getByRole("button", { name: "Details" }).click();
  await inspect(page, "viewer", ".viewer");
  await page.getByRole("button", { name: "Share by link" }).click();
  await page.getByRole("button", { name: "Create and copy link" }).click();
  await page.getByText("0 downloads").waitFor();
  await inspect(page, "share", ".dialog");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Escape");
  await page.getByRole("checkbox", { name: "Select Tickets" }).click();
  await page.getByRole("button", { name: "Delete", exact: true }).click();
  await page.getByRole("dialog").getByText("This deletes 1 file").waitFor();
  await inspect(page, "question", ".dialog", [NARROW]);
  await page.keyboard.press("Escape");
  await page.setViewportSize(NARROW);
  await page.getByRole("button", { name: "Buckets" }).click();
  await inspect(page, "drawer", ".drawer", [NARROW]);
});

test("staff see buckets, held files, owners and what is to be tidied", async () => {
  const bucket = await world.bucket("held");
  mkdirSync(join(world.scannerSwitch, ".."), { recursive: true });
  writeFileSync(world.scannerSwitch, "");
  await world.put(bucket, "waits.txt", "harmless");
  rmSync(world.scannerSwitch);
  const { page } = await openScreen(bucket, { as: "staff" });
  await page.getByText("In quarantine").first().waitFor();
  await page.getByText("demo_user").waitFor();
  await page.getByRole("button", { name: "Filters" }).click();
  await page.getByRole("combobox", { name: "Owner" }).pressSequentially("demo_other", { delay: 5 });
  await page.locator("#owners option[value=demo_other]").waitFor({ state: "attached" });
  await page.getByRole("combobox", { name: "Owner" }).fill("demo_other");
  await page.getByRole("heading", { name: "This folder is empty" }).waitFor();

  await page.getByRole("link", { name: "Quarantine" }).click();
  await page.getByText("waits.txt").waitFor();
  await inspect(page, "quarantine");
  await page.getByRole("button", { name: "waits.txt", exact: true }).click();
  await page.locator(".viewer .placeholder").getByText("The scanner is being repaired.").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Rejected" }).click();
  await page.getByText("No file has this status.").waitFor();

  await page.setViewportSize(WIDE);
  await page.getByRole("link", { name: "Housekeeping" }).click();
  await page.getByRole("row", { name: /^Expired share links/ }).waitFor();
  await inspect(page, "housekeeping");

  await page.setViewportSize(WIDE);
  await page.getByRole("link", { name: "Manage buckets" }).click();
  await page.getByRole("button", { name: "Create bucket" }).click();
  const name = `new-${bucket}`;
  await page.getByRole("dialog").getByLabel("Name").fill(name);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name }).waitFor();
  await page.goto(`${world.site}/?view=buckets`);
  await inspect(page, "buckets");
  await page.getByRole("button", { name: `Remove the bucket ${bucket}`, exact: true }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).last().click();
  await page
    .getByText(/There are records of files/)
    .first()
    .waitFor();
  await page.getByRole("button", { name: `Remove the bucket ${name}` }).click();
  await page.getByRole("button", { name: "Remove", exact: true }).last().click();
  await page.getByText(`The bucket ${name} is removed.`).first().waitFor();
  await page.getByRole("rowheader", { name }).waitFor({ state: "detached" });
});

test("users who are not staff see none of its pages", async () => {
  const bucket = await world.bucket();
  const { page } = await openScreen(bucket);
  await page.goto(`${world.site}/?view=housekeeping&bucket=${bucket}`);
  await page.getByRole("heading", { name: bucket }).waitFor();
  assert.equal(await page.getByRole("link", { name: "Housekeeping" }).count(), 0);
  const statuses = await page.evaluate(() =>
    Promise.all(["users", "housekeeping"].map(async (each) => (await fetch(`/staff/${each}/`)).status)),
  );
  assert.deepEqual(statuses, [403, 403]);
});

test("German, right to left, forced colours and a strict policy work, and the first load is small", async () => {
  const bucket = await world.bucket("holiday");
  await fill(bucket);
  const screen = await openScreen(bucket, { locale: "de" });
  const { page } = screen;
  let bytes = 0;
  let policy = "";
  page.on("response", (response) => {
    const { pathname } = new URL(response.url());
    if (!/\.(js|css|svg)$|^\/$/.test(pathname)) return;
    void response.body().then((body) => (bytes += brotliCompressSync(body).length));
    policy ||= response.headers()["content-security-policy"] ?? "";
  });
  await page.reload();
  await page.getByRole("button", { name: "Neuer Ordner" }).waitFor();
  await page.getByText("5 Einträge").or(page.getByText("7 Einträge")).first().waitFor();
  assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
  console.log(JSON.stringify({ firstLoadBytes: bytes }));
  assert.ok(bytes > 20_000 && bytes < FIRST_LOAD_LIMIT_BYTES, `The first load has ${bytes} bytes.`);
  assert.doesNotMatch(policy, /unsafe/);
  assert.match(policy, new RegExp(`connect-src 'self' ${world.service.s3Url}`));

  await page.evaluate(() => (document.documentElement.dir = "rtl"));
  await inspect(page, "right-to-left");
  await page.emulateMedia({ forcedColors: "active" });
  await page.getByRole("checkbox", { name: "Dunes.png auswählen" }).click();
  const outline = () => getComputedStyle(document.querySelector(".is-selected td") ?? document.body).outlineStyle;
  assert.equal(await page.evaluate(outline), "solid");
  await page.getByRole("link", { name: "Dunes.png" }).click();
  await page.locator(".preview-image").waitFor();
  await page.keyboard.press("ArrowLeft");
  await page.getByRole("heading", { name: /^Ferry/ }).waitFor();
});
