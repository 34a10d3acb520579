import assert from "node:assert/strict";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { audit } from "./support/axe.ts";
import { keepHandles } from "./support/handles.ts";
import type { Screen } from "./support/screen.ts";
import { openScreen, world } from "./support/shared.ts";
import { hashOf } from "./support/world.ts";

const MIB = 1024 * 1024;
/** A folder for screenshots, if they are wanted. */
const { SCREENSHOTS } = process.env;
let screen: Screen;

/** Return the paths of the stored files of a bucket, in the order of their names. */
async function stored(bucket: string): Promise<string[]> {
  const records = await world.records(bucket);
  return records
    .filter(({ status }) => status === "stored")
    .map(({ path }) => path)
    .sort();
}

test("a folder is dropped with its folders, and what is no file is told", async () => {
  const bucket = await world.bucket("picky");
  screen = await openScreen(bucket, { folder: "2026/" });
  // A browser returns at most 100 entries of a folder at once.
  for (let index = 0; index < 102; index += 1) world.file(`trip/logs/${String(index).padStart(3, "0")}.log`, "refused");
  const film = world.file("trip/deep/er/film.mp4", 7 * MIB);
  for (const name of ["b.txt", "a.txt"]) world.file(`trip/logs/${name}`, name);
  mkdirSync(join(world.folder, "trip/empty"));
  symlinkSync("/nowhere", join(world.folder, "trip/broken.txt"));

  await screen.drag("dragEnter", [join(world.folder, "trip")]);
  await screen.page.getByText("Drop files and folders to upload them to 2026").waitFor();
  await screen.drop(join(world.folder, "trip"), world.file("loose.txt", "loose"));
  await screen.page.getByText("The folder trip/empty is empty.").first().waitFor();
  await screen.untilStored(4);

  await screen.page.getByRole("heading", { name: "102 files need attention" }).waitFor();
  await screen.button("Show 52 more of 52").click();
  assert.equal(await screen.panel.getByText("Names have to end with .mp4, .txt here.").count(), 102);
  await screen.button("Remove the refused files from the list").click();
  await screen.page.getByRole("heading", { name: "4 files uploaded" }).waitFor();
  const paths = ["loose.txt", "trip/deep/er/film.mp4", "trip/logs/a.txt", "trip/logs/b.txt"];
  assert.deepEqual(
    await stored(bucket),
    paths.map((path) => `2026/${path}`),
  );
  // The list behind the panel shows them, too.
  await screen.page.getByRole("main").getByText("loose.txt").waitFor();
  const record = (await world.records(bucket)).find(({ path }) => path.endsWith("film.mp4"));
  assert.ok(record && (await world.storedHash(bucket, record)) === hashOf(film));
});

test("one file and all files are paused, resumed, cancelled and cleared", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket);
  await screen.setLine({ bytesPerSecond: 3 * MIB });
  await screen.choose("Upload files", world.file("long.mp4", 20 * MIB), world.file("other.mp4", 20 * MIB));
  await screen.untilSent("long.mp4", 5);
  await screen
    .row("long.mp4")
    .getByText(/^\d.* of 21 MB · .* MB\/s · \d+ seconds left$/)
    .waitFor();

  await screen.button("Pause long.mp4").press("Enter");
  await screen
    .row("long.mp4")
    .getByText(/^Paused · /)
    .waitFor();
  assert.equal(await screen.page.evaluate(() => document.activeElement?.ariaLabel), "Resume long.mp4");
  await screen.button("Pause all").click();
  await screen
    .row("other.mp4")
    .getByText(/^Paused · /)
    .waitFor();
  await screen.page.waitForTimeout(300);
  const held = await screen.panel.innerText();
  await screen.page.waitForTimeout(700);
  assert.equal(await screen.panel.innerText(), held);
  assert.equal(await screen.page.evaluate(leavingIsAsked), false);

  await screen.button("Cancel other.mp4").press("Enter");
  await screen.row("other.mp4").waitFor({ state: "detached" });
  assert.equal(await screen.page.evaluate(() => document.activeElement?.ariaLabel), "Cancel long.mp4");
  await screen.button("Resume all").click();
  await screen.row("long.mp4").getByText(/MB\/s/).waitFor();
  assert.equal(await screen.page.evaluate(leavingIsAsked), true);
  await screen.setLine();
  await screen.untilStored(1);
  assert.deepEqual(await stored(bucket), ["long.mp4"]);
  assert.equal(await screen.page.evaluate(leavingIsAsked), false);
  await screen.button("Clear").click();
  await screen.panel.waitFor({ state: "detached" });

  await screen.setLine({ bytesPerSecond: MIB });
  await screen.choose("Upload files", world.file("a.mp4", 9 * MIB), world.file("b.mp4", 9 * MIB));
  await screen.row("b.mp4").waitFor();
  await screen.button("Cancel all").click();
  await screen.button("Cancel uploads").click();
  await screen.panel.waitFor({ state: "detached" });
});

/** Return true if the page would ask before it closes. */
function leavingIsAsked(): boolean {
  return !window.dispatchEvent(new Event("beforeunload", { cancelable: true }));
}

test("a path that is taken is skipped, replaced or kept twice, one by one and for all", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket);
  const paths = ["one.txt", "two.txt", "set/three.txt", "set/four.txt"];
  for (const path of paths) world.file(`taken/${path}`, `first ${path}`);
  const drop = () => screen.drop(...["one.txt", "two.txt", "set"].map((name) => join(world.folder, "taken", name)));
  await drop();
  await screen.untilStored(4);
  const before = new Map((await world.records(bucket)).map((record) => [record.path, record.id]));
  for (const path of paths) world.file(`taken/${path}`, `second ${path}`);

  await drop();
  const dialog = screen.page.getByRole("dialog");
  await dialog.getByRole("heading", { name: "one.txt is there already" }).waitFor();
  await dialog.getByText("13 bytes").waitFor();
  await dialog.getByRole("button", { name: "Replace" }).click();
  await dialog.getByRole("heading", { name: "two.txt is there already" }).waitFor();
  await screen.page.keyboard.press("Escape");
  await dialog.getByText("In the folder set").waitFor();
  await dialog.getByLabel("Do the same with 1 other file").check();
  await dialog.getByRole("button", { name: "Keep both" }).click();
  await screen.untilStored(7);
  await screen.page.waitForFunction(() => !document.querySelector("dialog[open]"));

  const now = await untilRecords(bucket, 6);
  assert.deepEqual(now.map(({ path }) => path).sort(), [
    "one.txt",
    "set/four (2).txt",
    "set/four.txt",
    "set/three (2).txt",
    "set/three.txt",
    "two.txt",
  ]);
  await refuseDeletion(screen);
  await screen.drop(world.file("taken/one.txt", "third"));
  await dialog.getByRole("button", { name: "Replace" }).click();
  await screen
    .row("one.txt")
    .getByText("Stored, but the earlier file is still there: A report refers to it.")
    .waitFor();
  assert.equal((await world.records(bucket)).length, 7);
  await screen.page.unrouteAll();
  await screen.button("Try again: one.txt").click();
  await untilRecords(bucket, 6);

  const isKept = (path: string) => now.some((record) => record.path === path && record.id === before.get(path));
  assert.deepEqual(paths.map(isKept), [false, true, true, true]);
});

/** Have the service refuse to delete files. */
async function refuseDeletion({ page }: Screen): Promise<void> {
  const json = { code: "file_in_use", detail: "A report refers to it." };
  await page.route("**/files/**", async (route) => {
    if (route.request().method() === "DELETE") await route.fulfill({ status: 409, json });
    else await route.fallback();
  });
}

test("the button for folders and the clipboard do the same as a drop", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket, { folder: "notes/" });
  world.file("chosen/deep/one.txt", "one");
  world.file("chosen/two.txt", "two");
  await screen.choose("Upload folder", join(world.folder, "chosen"));
  await screen.untilStored(2);
  await screen.page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(
      new File([Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10)], "image.png", { type: "image/png" }),
    );
    clipboardData.items.add(new File(["three"], "three.txt", { type: "text/plain" }));
    document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
  });
  await screen.untilStored(4);
  const [one, two, picture, three] = await stored(bucket);
  assert.deepEqual([one, two, three], ["notes/chosen/deep/one.txt", "notes/chosen/two.txt", "notes/three.txt"]);
  assert.match(picture ?? "", /^notes\/image \d{4}-\d\d-\d\d \d\d\.\d\d\.\d\d\.png$/);
});

test("a name that the service refuses is changed in the queue", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket, { folder: "notes/" });
  await screen.drop(world.file("aux.txt", "text"));
  await screen
    .row("aux.txt")
    .getByText(/^Windows cannot keep/)
    .waitFor();
  await screen.button("Rename: aux.txt").press("Enter");
  await screen.page.getByRole("dialog").getByLabel("Name").fill("help.txt");
  await screen.page.keyboard.press("Enter");
  await screen.untilStored(1);
  assert.deepEqual(await stored(bucket), ["notes/help.txt"]);
});

/** Wait until a bucket has so many records: a replaced file goes after the new one is stored. */
async function untilRecords(bucket: string, count: number) {
  for (let round = 0; ; round += 1) {
    const records = await world.records(bucket);
    if (records.length === count) return records;
    assert.ok(round < 50, `${records.length} records, not ${count}`);
    await screen.page.waitForTimeout(100);
  }
}

test("after a reload, uploads go on with the same files, and no part is sent twice", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket);
  await screen.setLine({ bytesPerSecond: 16 * MIB });
  const film = world.file("again/film.mp4", 30 * MIB);
  const clip = world.file("again/clip.mp4", 30 * MIB);
  await screen.choose("Upload files", film, clip);
  await screen.untilSent("film.mp4", 70);
  await screen.page.reload();
  await screen.row("film.mp4").getByText("Choose film.mp4 again to continue · 31.5 MB").waitFor();
  const before = screen.taken.length;
  assert.ok(before > 0);

  await screen.choose("Choose again: film.mp4", world.file("other.mp4", MIB));
  await screen
    .row("film.mp4")
    .getByText(/^This is not the file whose upload began/)
    .waitFor();
  await screen.setLine();
  await screen.drop(join(world.folder, "again"));
  await screen.untilStored(2);
  assert.equal(new Set(screen.taken).size, screen.taken.length);
  assert.equal(screen.taken.length, 12);
  const records = await world.records(bucket);
  assert.deepEqual(records.map(({ path }) => path).sort(), ["clip.mp4", "film.mp4"]);
  const hashes = await Promise.all(records.map((record) => world.storedHash(bucket, record)));
  assert.deepEqual(hashes.sort(), [hashOf(film), hashOf(clip)].sort());
});

test("a browser that keeps handles goes on after one click, unless a file is gone", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket);
  await keepHandles(screen.context);
  await screen.page.reload();
  await screen.setLine({ bytesPerSecond: 6 * MIB });
  await screen.button("Upload files").first().click();
  await screen.untilSent("kept.mp4", 30);
  await screen.page.reload();
  await screen.setLine();
  await screen
    .row("kept.mp4")
    .getByText("Interrupted: continue, and allow your browser to read the file · 7 MB")
    .waitFor();
  await screen.page.evaluate(async () => (await navigator.storage.getDirectory()).removeEntry("moved.mp4"));
  await screen.button("Continue with 2 files").click();
  await screen.untilStored(1);
  await screen
    .row("moved.mp4")
    .getByText(/Choose moved.mp4 again to continue/)
    .waitFor();
  assert.deepEqual(await stored(bucket), ["kept.mp4"]);
  assert.equal(new Set(screen.taken).size, screen.taken.length);
});

test("two tabs never send the same upload, and share the usage", async () => {
  const bucket = await world.bucket("full");
  screen = await openScreen(bucket);
  await screen.setLine({ bytesPerSecond: MIB });
  const path = world.file("shared.txt", 4 * MIB);
  await screen.choose("Upload files", path);
  await screen.untilSent("shared.txt", 10);
  const other = await screen.tab(world.address(bucket));
  await other.getByRole("button", { name: "Upload files" }).first().waitFor();
  await other.waitForTimeout(300);
  assert.equal(await other.locator("section.uploads").count(), 0);
  await screen.setLine();
  await screen.untilStored(1);
  await other.getByText("You use 4.2 MB of 8.4 MB").waitFor();

  await screen.setLine({ bytesPerSecond: MIB });
  await screen.choose("Upload files", world.file("left.txt", 3 * MIB));
  await screen.untilSent("left.txt", 10);
  await screen.page.close({ runBeforeUnload: false });
  await other.getByRole("button", { name: "Discard left.txt" }).click();
  await other.locator("section.uploads").waitFor({ state: "detached" });
});

test("limits refuse files before a byte is sent, and a full quota is explained", async () => {
  const limited = await world.bucket("limited");
  screen = await openScreen(limited);
  await screen.page.getByText("Files up to 1 MB · Names with .txt, .jpg").waitFor();
  await screen.page.getByText("0 of 40 files").waitFor();
  await screen.choose(
    "Upload files",
    world.file("large.txt", 2 * MIB),
    world.file("film.mp4", 1000),
    world.file("fine.txt", "fine"),
  );
  await screen.row("large.txt").getByText("Too large with 2.1 MB: a file may have up to 1 MB.").waitFor();
  await screen.row("film.mp4").getByText("Names have to end with .txt, .jpg here.").waitFor();
  await screen.untilStored(1);
  assert.equal((await world.records(limited)).length, 1);

  const full = await world.bucket("full");
  await screen.page.goto(world.address(full));
  await screen.page.getByText("You use 0 bytes of 8.4 MB").waitFor();
  await screen.choose("Upload files", world.file("five.txt", 5 * MIB), world.file("four.txt", 4 * MIB));
  await screen.row("four.txt").getByText("Not enough room for 4.2 MB: 3.1 MB are left.").waitFor();
  await screen.untilStored(1);
  // Another device fills the rest after this page has asked.
  await screen.setLine({ bytesPerSecond: MIB });
  await screen.page.route("**/uploads/usage/*", (route) => route.fulfill({ json: EMPTY_USAGE }));
  await screen.choose("Upload files", world.file("late.txt", 4 * MIB));
  await screen.row("late.txt").getByText("Not enough room: 3.1 MB of your 8.4 MB are left.").waitFor();
  assert.deepEqual(await stored(full), ["five.txt"]);
  // With more room, the same file comes again, and takes the row that failed.
  const [five] = await world.records(full);
  await world.ask("DELETE", `uploads/${five?.id}/`);
  await screen.setLine();
  await screen.drop(join(world.folder, "late.txt"));
  await screen.untilStored(2);
  assert.deepEqual(await stored(full), ["late.txt"]);
  assert.equal(await screen.row("late.txt").filter({ hasText: "room" }).count(), 0);
});

const EMPTY_USAGE = {
  bytes: 0,
  files: 0,
  quota_bytes: null,
  quota_files: null,
  max_file_bytes: null,
  content_types: null,
  extensions: null,
  key_prefix: "",
  may_overwrite: true,
};

test("a scanner rejects a file, holds another one, and passes it later", async () => {
  const bucket = await world.bucket();
  const isDown = world.scannerSwitch;
  screen = await openScreen(bucket);
  await screen.choose("Upload files", world.file("bad.txt", "a virus"));
  await screen
    .row("bad.txt")
    .getByText(/^A malware scanner rejected the file, and it was removed · .*virus/)
    .waitFor();
  writeFileSync(isDown, "");
  await screen.choose("Upload files", world.file("slow.txt", "slow"), world.file("slow-bad.txt", "a virus"));
  await screen
    .row("slow.txt")
    .getByText("Stored, waiting for the malware scan · The scanner is being repaired.")
    .waitFor();
  await screen
    .row("slow-bad.txt")
    .getByText(/waiting for the malware scan/)
    .waitFor();
  rmSync(isDown);
  await world.scan();
  await screen.untilStored(1);
  await screen
    .row("slow-bad.txt")
    .getByText(/rejected the file, and it was removed · It found a virus/)
    .waitFor();
});

test("a file that is changed before its bytes have left is not retried for ever", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket);
  await screen.setLine({ bytesPerSecond: 6 * MIB });
  const path = world.file("edited.mp4", 20 * MIB);
  await screen.choose("Upload files", path);
  await screen.untilSent("edited.mp4", 10);
  world.file("edited.mp4", 21 * MIB);
  await screen
    .row("edited.mp4")
    .getByText(/^The file was moved, changed or deleted/)
    .waitFor();
  await screen.setLine();
  await screen.choose("Choose again: edited.mp4", path);
  await screen.untilStored(1);
  const [record] = await world.records(bucket);
  assert.ok(record && (await world.storedHash(bucket, record)) === hashOf(path));
});

test("an upload waits while the browser is offline, and goes on by itself", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket);
  await screen.setLine({ bytesPerSecond: 4 * MIB });
  await screen.choose("Upload files", world.file("train.txt", 5 * MIB));
  await screen.untilSent("train.txt", 10);
  await screen.setLine({ offline: true });
  await screen
    .row("train.txt")
    .getByText(/^No connection: continues automatically/)
    .waitFor();
  await screen.setLine();
  await screen.untilStored(1);
});

test("a session that expires in the middle of uploads is renewed in place, and they go on", async () => {
  const bucket = await world.bucket();
  screen = await openScreen(bucket);
  await screen.setLine({ bytesPerSecond: 4 * MIB });
  await screen.choose("Upload files", world.file("long.mp4", 12 * MIB), world.file("next.mp4", 12 * MIB));
  await screen.untilSent("long.mp4", 10);
  await screen.context.clearCookies({ name: "sessionid" });
  const dialog = screen.page.getByRole("dialog", { name: "Sign in again" });
  await dialog.waitFor();
  await screen.panel
    .getByText(/^Waiting until you sign in again · /)
    .first()
    .waitFor();
  await dialog.getByLabel("Password").fill("demo-password"); // pragma: allowlist secret
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await screen.untilStored(2);
  assert.deepEqual(await stored(bucket), ["long.mp4", "next.mp4"]);
});

test("the panel has no findings of axe in any of its states, at two widths in both colour schemes", async () => {
  const bucket = await world.bucket("full");
  screen = await openScreen(bucket, { width: 360 });
  await screen.drag("dragEnter", [world.file("Notes.txt", "notes")]);
  await inspect("drop", ".drop-target");
  await screen.drop(world.file("Notes.txt", "notes"));
  await screen.untilStored(1);
  await screen.setLine({ bytesPerSecond: MIB / 2 });
  await screen.drop(world.file("Holiday.mp4", MIB));
  await screen.untilSent("Holiday.mp4", 1);
  await screen.page.reload();
  await screen.button("Choose again: Holiday.mp4").waitFor();
  await screen.setLine();

  writeFileSync(world.scannerSwitch, "");
  await screen.drop(world.file("Contract.txt", "waits"));
  await screen
    .row("Contract.txt")
    .getByText(/malware scan/)
    .waitFor();
  rmSync(world.scannerSwitch);
  await screen.drop(world.file("Invoice.txt", "a virus"), world.file("Drone over the coast.mp4", 9 * MIB));
  await screen
    .row("Invoice.txt")
    .getByText(/rejected/)
    .waitFor();
  await screen.setLine({ bytesPerSecond: MIB / 2 });
  await screen.drop(world.file("Interview.mp4", MIB), world.file("Trip to the mountains.mp4", 3 * MIB));
  await screen.button("Pause Interview.mp4").click();
  await screen.page.mouse.move(0, 0);
  await screen.row("Trip to the mountains.mp4").getByText(/left$/).waitFor();
  await inspect("uploads", ".uploads");
  await screen.button("Show the list of uploads").click();
  await inspect("uploads-minimised", ".uploads");
  await inspect("usage", ".usage");

  await screen.drop(world.file("Notes.txt", "other notes"));
  await screen.page.getByRole("dialog").waitFor();
  await inspect("conflict", "dialog[open]");
});

/** Fail if axe-core finds anything in a part of the page, or if the page is wider than the screen. */
async function inspect(name: string, part: string): Promise<void> {
  const { page } = screen;
  for (const [width, height] of [
    [1440, 900],
    [360, 740],
  ] as const) {
    await page.setViewportSize({ width, height });
    assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= width);
    for (const colorScheme of ["light", "dark"] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
      if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}-${width}-${colorScheme}.png`) });
      await audit(page, part);
    }
  }
}
