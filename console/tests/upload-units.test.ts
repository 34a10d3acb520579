import assert from "node:assert/strict";
import { test } from "node:test";
import { refuse, Room, type Limits } from "../src/uploads/limits.ts";
import { composed, findSame, keepBoth, planListings } from "../src/uploads/names.ts";
import { RateMeter, secondsLeft } from "../src/uploads/rate.ts";

test("a speed is smoothed, survives a stop, and ignores bytes that were lost", () => {
  const meter = new RateMeter();
  meter.note(1000, 0);
  assert.equal(meter.rate, undefined);
  for (let second = 1; second <= 4; second += 1) meter.note(1000 + second * 500, second * 1000);
  assert.equal(meter.rate, 500);
  meter.note(0, 5000);
  assert.ok((meter.rate ?? 0) < 500 && (meter.rate ?? 0) > 300);
  for (let second = 6; second <= 60; second += 1) meter.note(0, second * 1000);
  assert.ok((meter.rate ?? 1) < 0.01);
  meter.reset();
  assert.equal(meter.rate, undefined);
  meter.note(9000, 99_000);
  meter.note(9000, 101_000);
  assert.equal(meter.rate, 0);
});

test("the time left is as exact as people can use it", () => {
  const at = (seconds: number) => secondsLeft(seconds * 1000, 1000);
  assert.deepEqual([0, 3.2, 42, 61, 3599, 4000].map(at), [0, 4, 45, 120, 3600, 4200]);
  assert.equal(secondsLeft(10, undefined), undefined);
  assert.equal(secondsLeft(10, 0.2), undefined);
});

test("a second file of a name gets a number before its ending", () => {
  const taken = new Set([
    "a/photo.jpg",
    "a/photo (2).jpg",
    ".env",
    "notes",
    "logs.tar.gz",
    "v1.0 (2)/x",
    "x (1999).mp4",
  ]);
  const free = (path: string) => keepBoth(path, (each) => taken.has(each));
  assert.equal(free("a/photo.jpg"), "a/photo (3).jpg");
  assert.equal(free("a/photo (2).jpg"), "a/photo (3).jpg");
  assert.equal(free(".env"), ".env (2)");
  assert.equal(free("notes"), "notes (2)");
  assert.equal(free("logs.tar.gz"), "logs (2).tar.gz");
  assert.equal(free("v1.0 (2)/x"), "v1.0 (2)/x (2)");
  assert.equal(free("report v1.2 final"), "report v1.2 final (2)");
});

test("one listing finds the taken paths of loose files, and one those of each folder", () => {
  assert.deepEqual(planListings("2026/", ["2026/IMG_1.jpg", "2026/IMG_20.jpg"]), [
    { prefix: "2026/IMG_", isFlat: true },
  ]);
  assert.deepEqual(planListings("", ["one.txt", "album/a/1.jpg", "album/b/2.jpg", "two.txt"]), [
    { prefix: "", isFlat: true },
    { prefix: "album/", isFlat: false },
  ]);
  assert.deepEqual(planListings("", ["x/\u{1F600}.txt", "x/\u{1F601}.txt"]), [{ prefix: "x/", isFlat: true }]);
  assert.deepEqual(planListings("", []), []);
});

test("a file is known again by its path, its folders or its name, its size and its time", () => {
  const left = [
    { fileName: "trips/rome/1.jpg", size: 5, modifiedAt: 7 },
    { fileName: "trips/oslo/1.jpg", size: 5, modifiedAt: 7 },
    { fileName: "queued.mp4", size: 9 },
    { fileName: composed("e\u0301te\u0301.txt"), size: 1, modifiedAt: 7 },
  ];
  const find = (path: string, relativePath: string, size: number, modifiedAt = 7) =>
    findSame(left, { path, relativePath, size, modifiedAt })?.fileName;
  assert.equal(find("trips/oslo/1.jpg", "1.jpg", 5), "trips/oslo/1.jpg");
  assert.equal(find("oslo/1.jpg", "oslo/1.jpg", 5), "trips/oslo/1.jpg");
  assert.equal(find("elsewhere/1.jpg", "1.jpg", 5), "trips/rome/1.jpg");
  assert.equal(find("x/1.jpg", "x/1.jpg", 6), undefined);
  assert.equal(find("1.jpg", "1.jpg", 5, 8), undefined);
  assert.equal(find("queued.mp4", "queued.mp4", 9, 1234), "queued.mp4");
  assert.equal(find("e\u0301te\u0301.txt", "e\u0301te\u0301.txt", 1), "\u00e9t\u00e9.txt");
});

const UNLIMITED: Limits = {
  bytes: 0,
  files: 0,
  quota_bytes: null,
  quota_files: null,
  max_file_bytes: null,
  content_types: null,
  extensions: null,
};

test("limits refuse a file as the service would", () => {
  const why = (path: string, size: number, type: string, limits: Partial<Limits>) =>
    refuse({ path, size, type }, { ...UNLIMITED, ...limits })?.reason;
  assert.equal(why("a.bin", 10, "", {}), undefined);
  assert.equal(why("a.bin", 11, "", { max_file_bytes: 10 }), "too_large");
  assert.equal(why("x.y/A.JPG", 1, "", { extensions: ["jpg"] }), undefined);
  assert.equal(why("a.tar.gz", 1, "", { extensions: ["tar.gz"] }), undefined);
  assert.equal(why("Makefile", 1, "", { extensions: ["jpg", ""] }), undefined);
  assert.equal(why("a.b/Makefile", 1, "", { extensions: ["jpg"] }), "ending");
  assert.equal(why("a", 1, "image/png", { content_types: ["image/*"] }), undefined);
  assert.equal(why("a", 1, "Text/Plain; charset=utf-8", { content_types: ["text/plain"] }), undefined);
  assert.equal(why("a", 1, "video/mp4", { content_types: ["image/*"] }), "type");
  assert.equal(why("a", 1, "", { content_types: ["image/*"] }), undefined);
});

test("files take room in their order, beside those that wait", () => {
  const room = new Room(
    { ...UNLIMITED, bytes: 50, quota_bytes: 100, files: 1, quota_files: 4 },
    { bytes: 10, files: 1 },
  );
  assert.equal(room.take(30), undefined);
  assert.deepEqual(room.take(11), { reason: "no_room", bytesLeft: 10 });
  assert.equal(room.take(10), undefined);
  assert.deepEqual(room.take(0), { reason: "too_many", files: 4 });
});
