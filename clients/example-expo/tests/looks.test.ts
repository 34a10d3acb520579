import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import type { Screen } from "./support/screen.ts";
import { openScreen, world } from "./support/shared.ts";

const MIB = 1024 * 1024;
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const TARGET_PIXELS = 44;
/** A folder for screenshots, if they are wanted. */
const SCREENSHOTS = process.env.SCREENSHOTS;

let screen: Screen;

/** Fail if axe-core finds anything, a button is small, or something leaves the page. */
async function inspect(name: string): Promise<void> {
  const { page } = screen;
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `example-${name}.png`) });
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> };
    };
    const { violations } = await axe.run();
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ")}`);
  });
  assert.deepEqual(found, [], `axe-core on ${name}`);
  for (const box of await page
    .getByRole("button")
    .evaluateAll((all) => all.map((each) => each.getBoundingClientRect().toJSON()))) {
    assert.ok(
      box.width >= TARGET_PIXELS && box.height >= TARGET_PIXELS,
      `A button of ${box.width} x ${box.height} on ${name}`,
    );
  }
  assert.equal(
    await page.evaluate(() => document.documentElement.scrollWidth > innerWidth),
    false,
    `${name} is too wide`,
  );
}

const LOOKS = [
  { width: 390, height: 844, colorScheme: "light", photo: "Harbour at dawn.jpg", report: "Quarterly report.pdf" },
  { width: 390, height: 844, colorScheme: "dark", photo: "Tide pools.jpg", report: "Recipe for rye bread.pdf" },
  { width: 1024, height: 768, colorScheme: "light", photo: "Ferry in the fog.jpg", report: "Lease, signed.pdf" },
  { width: 1024, height: 768, colorScheme: "dark", photo: "Lighthouse.jpg", report: "Boarding pass.pdf" },
  { width: 320, height: 640, colorScheme: "light", photo: "Old pier.jpg", report: "Sheet music.pdf" },
] as const;

for (const { photo, report, ...look } of LOOKS) {
  const name = `${look.width}-${look.colorScheme}`;
  test(`every state can be seen and reached: ${name}`, async () => {
    screen = await openScreen(look);
    await screen.page.getByLabel("User").fill("demo_user");
    await inspect(`sign-in-${name}`);
    await screen.signIn();
    await screen.choose("Photos and videos", world.file(photo, 2 * MIB));
    await screen.file(photo).waitFor();
    await screen.choose("Files", world.file(report, 90_000));
    await screen.file(report).waitFor();
    await screen.setLine({ bytesPerSecond: 3 * MIB });
    const paths = [
      world.file("Summer at the lake, second evening.mp4", 36 * MIB),
      world.file("Interview with Dr. Okafor.mp4", 18 * MIB),
      world.file("Slides for Monday.pdf", 3 * MIB),
    ];
    await screen.choose("Files", ...paths);
    await screen.untilSent("Summer at the lake, second evening.mp4", 25);
    await screen.button("Pause Interview with Dr. Okafor.mp4").click();
    await inspect(`uploads-${name}`);

    await screen.button(`Share ${report}`).click();
    await screen.page.getByRole("status").filter({ hasText: "The link is copied." }).waitFor();
    await screen.button(`Delete ${report}`).click();
    await inspect(`messages-${name}`);
    await screen.page.reload();
    await screen
      .upload("Summer at the lake, second evening.mp4")
      .getByText(/^Interrupted/)
      .waitFor();
    await inspect(`interrupted-${name}`);
    for (const upload of [
      "Summer at the lake, second evening.mp4",
      "Interview with Dr. Okafor.mp4",
      "Slides for Monday.pdf",
    ]) {
      const cancel = screen.button(`Cancel ${upload}`);
      if (await cancel.count()) await cancel.click();
    }
  });
}

test("everything can be done with the keyboard, and the focus is seen", async () => {
  screen = await openScreen();
  const { page } = screen;
  // Asked for early: Playwright intercepts pickers only some time after, and a key, unlike a click, does not wait.
  const picking = page.waitForEvent("filechooser");
  await page.getByLabel("User").focus();
  await page.keyboard.type("demo_user");
  await page.keyboard.press("Tab");
  await page.keyboard.type("demo-password");
  await page.keyboard.press("Enter");
  await screen.button("Files").waitFor();
  for (const name of ["Sign out", "Photos and videos", "Files"]) {
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate(() => document.activeElement?.getAttribute("aria-label")), name);
  }
  assert.notEqual(await screen.button("Files").evaluate((button) => getComputedStyle(button).outlineStyle), "none");
  await page.keyboard.press("Enter");
  const picker = await picking;
  await picker.setFiles(world.file("typed.txt", 10));
  await screen.file("typed.txt").waitFor();
});
