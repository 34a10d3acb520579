import assert from "node:assert/strict";
import { test } from "node:test";
import type { Screen } from "./support/screen.ts";
import { openScreen, world } from "./support/shared.ts";
import { hash, hashOf } from "./support/world.ts";

const MIB = 1024 * 1024;
let screen: Screen;

async function openSignedIn(): Promise<void> {
  screen = await openScreen();
  await screen.signIn();
  await screen.button("Files").waitFor();
}

test("a wrong password and a wrong address are explained", async () => {
  screen = await openScreen();
  await screen.signIn("demo_user", "wrong");
  await screen.page.getByRole("alert").filter({ hasText: "The name or the password is wrong." }).waitFor();

  await screen.page.getByLabel("Address of the service").fill("http://127.0.0.1:9/");
  await screen.button("Sign in").click();
  await screen.page.getByRole("alert").filter({ hasText: "Nothing answers at http://127.0.0.1:9." }).waitFor();

  await screen.page.getByLabel("Address of the service").fill(`${world.url}/elsewhere`);
  await screen.button("Sign in").click();
  await screen.page.getByRole("alert").filter({ hasText: "it is no upload service" }).waitFor();
});

test("photos and files are sent with progress, and listed once they are stored", async () => {
  await openSignedIn();
  await screen.setLine({ bytesPerSecond: 2 * MIB });
  const photo = world.file("IMG_1.jpg", 3 * MIB);
  const report = world.file("Été, second report.pdf", 2 * MIB);
  await screen.choose("Photos and videos", photo);
  await screen.choose("Files", report, world.file("notes.txt", 10));

  const seen = new Set<number>();
  await screen.upload("IMG_1.jpg").waitFor();
  while (await screen.upload("IMG_1.jpg").count()) seen.add(await screen.percent("IMG_1.jpg").catch(() => 100));
  assert.ok(seen.size > 3, `Percent: ${[...seen].join(", ")}`);
  assert.deepEqual(
    [...seen],
    [...seen].sort((one, other) => one - other),
  );

  for (const name of ["IMG_1.jpg", "Été, second report.pdf", "notes.txt"]) await screen.file(name).waitFor();
  await screen.page.getByRole("status").filter({ hasText: "3 of 3 stored" }).waitFor();
  assert.equal(await world.storedHash("IMG_1.jpg"), hashOf(photo));
});

test("an upload is paused, resumed and cancelled", async () => {
  await openSignedIn();
  await screen.setLine({ bytesPerSecond: 2 * MIB });
  await screen.choose("Files", world.file("long.mov", 40 * MIB));
  await screen.untilSent("long.mov", 5);
  await screen.button("Pause long.mov").click();
  const row = screen.upload("long.mov");
  await row.getByText(/^Paused · /).waitFor();
  const paused = await row.innerText();
  await screen.page.waitForTimeout(1500);
  assert.equal(await row.innerText(), paused);

  await screen.button("Resume long.mov").click();
  await row
    .getByText(/ of 41\.9 MB$/)
    .filter({ hasNotText: "Paused" })
    .waitFor();
  await screen.button("Cancel long.mov").click();
  await row.waitFor({ state: "detached" });
  for (let round = 0; (await world.records("long.mov")).length; round += 1) {
    assert.ok(round < 50, "The service still has the cancelled upload.");
    await screen.page.waitForTimeout(200);
  }
});

test("several uploads are paused and resumed together", async () => {
  await openSignedIn();
  await screen.setLine({ bytesPerSecond: MIB });
  // The queue sends six small files at once, and the others wait.
  const names = Array.from({ length: 8 }, (_, index) => `small-${index}.bin`);
  await screen.choose("Files", ...names.map((name) => world.file(name, MIB / 2)));
  await screen.button("Pause all").click();
  await screen
    .upload("small-0.bin")
    .getByText(/^Paused/)
    .waitFor();
  await screen
    .upload("small-7.bin")
    .getByText(/^Waits for its turn/)
    .waitFor();
  await screen.page.waitForTimeout(1500);
  assert.equal(await screen.file("small-7.bin").count(), 0);

  await screen.button("Resume all").click();
  for (const name of names) await screen.file(name).waitFor();
});

test("an upload goes on after a reload, and sends no part twice", async () => {
  await openSignedIn();
  await screen.setLine({ bytesPerSecond: 6 * MIB });
  const path = world.file("holiday.mp4", 48 * MIB);
  await screen.choose("Files", path);
  await screen.untilSent("holiday.mp4", 70);
  await screen.page.reload();
  await screen
    .upload("holiday.mp4")
    .getByText(/^Interrupted · 50\.3 MB/)
    .waitFor();
  const before = [...screen.confirmed];
  assert.ok(before.length > 0);

  await screen.choose("Choose the file holiday.mp4", world.file("other.mp4", MIB));
  await screen
    .upload("holiday.mp4")
    .getByText(/^This is not the file whose upload began/)
    .waitFor();
  await screen.choose("Choose the file holiday.mp4", path);
  await screen.file("holiday.mp4").waitFor();
  assert.equal(new Set(screen.confirmed).size, screen.confirmed.length);
  assert.ok(screen.confirmed.length > before.length);
  assert.equal(await world.storedHash("holiday.mp4"), hashOf(path));
});

test("an upload waits while the device is offline, and goes on by itself", async () => {
  await openSignedIn();
  await screen.setLine({ bytesPerSecond: 4 * MIB });
  await screen.choose("Files", world.file("train.bin", 12 * MIB));
  await screen.untilSent("train.bin", 10);
  await screen.setLine({ offline: true });
  await screen
    .upload("train.bin")
    .getByText(/^No connection: goes on by itself/)
    .waitFor();

  await screen.setLine({ offline: false });
  await screen.file("train.bin").waitFor();
});

test("a file is opened, and shared by a link that needs no account", async () => {
  const path = world.file("shared.txt", 1000);
  await openSignedIn();
  await screen.choose("Files", path);
  await screen.button("Share shared.txt").click();
  await screen.page.getByRole("status").filter({ hasText: "The link is copied." }).waitFor();
  const link = await screen.page.evaluate(() => navigator.clipboard.readText());
  assert.equal(hash(new Uint8Array(await (await fetch(link)).arrayBuffer())), hashOf(path));

  const opening = screen.button("Open shared.txt").click();
  const [download] = await Promise.all([screen.page.waitForEvent("download"), opening]);
  assert.equal(hashOf(await download.path()), hashOf(path));
});

test("a file is deleted only after a second look", async () => {
  await openSignedIn();
  await screen.choose("Files", world.file("unwanted.txt", 10));
  await screen.button("Delete unwanted.txt").click();
  await screen.button("Keep unwanted.txt").click();
  assert.equal((await world.records("unwanted.txt")).length, 1);

  await screen.button("Delete unwanted.txt").click();
  await screen.button("Delete for good unwanted.txt").click();
  await screen.file("unwanted.txt").waitFor({ state: "detached" });
  assert.equal((await world.records("unwanted.txt")).length, 0);
});

test("a file that another device has deleted is explained, until the message is dismissed", async () => {
  await openSignedIn();
  await screen.choose("Files", world.file("gone.txt", 10));
  await screen.file("gone.txt").waitFor();
  const [record] = await world.records("gone.txt");
  await world.ask("DELETE", `uploads/${record?.id}/`);
  await screen.button("Share gone.txt").click();
  const alert = screen.page.getByRole("alert");
  await alert.waitFor();
  assert.match(await alert.innerText(), /file/i);

  await screen.button("Dismiss").click();
  await alert.waitFor({ state: "detached" });
});

test("an upload that the service refuses says why, and can be cancelled", async () => {
  await openSignedIn();
  await screen.choose("Files", world.file("page.txt", 0));
  await screen.file("page.txt").waitFor();
  // A name that S3 cannot take: the service answers 400.
  await screen.choose("Files", world.file("bad\u0007name.txt", 10));
  const row = screen.page.getByRole("group", { name: /^bad/ });
  await row.getByText(/name/i).last().waitFor();
  await row.getByRole("button", { name: /^Cancel/ }).click();
  await row.waitFor({ state: "detached" });
});

test("an ended session asks to sign in again, and the uploads go on", async () => {
  await openSignedIn();
  await screen.setLine({ bytesPerSecond: 4 * MIB });
  const path = world.file("kept.bin", 24 * MIB);
  await screen.choose("Files", path);
  await screen.untilSent("kept.bin", 20);
  await screen.page.evaluate(() => {
    const session = JSON.parse(sessionStorage.getItem("session") ?? "{}") as object;
    sessionStorage.setItem("session", JSON.stringify({ ...session, token: "revoked" }));
  });
  await screen.page.reload();
  await screen.page.getByRole("alert").filter({ hasText: "Your session has ended." }).waitFor();

  await screen.signIn();
  await screen.choose("Choose the file kept.bin", path);
  await screen.file("kept.bin").waitFor();
});

test("another user sees neither the uploads nor the files of the one before", async () => {
  await openSignedIn();
  await screen.setLine({ bytesPerSecond: MIB });
  await screen.choose("Files", world.file("private.bin", 4 * MIB));
  await screen.untilSent("private.bin", 10);
  await screen.button("Sign out").click();
  await screen.signIn("demo_other");
  await screen.page.getByText("Nothing here yet. Choose your first file.").waitFor();
  assert.equal(await screen.page.getByText("private.bin").count(), 0);

  await screen.button("Sign out").click();
  await screen.signIn();
  await screen
    .upload("private.bin")
    .getByText(/^Interrupted/)
    .waitFor();
  await screen.button("Cancel private.bin").click();
  await screen.upload("private.bin").waitFor({ state: "detached" });
});
