import { beforeEach, expect, test, vi } from "vitest";
import { clientOf, failure, ok, ScriptedServer, settle } from "../support/scripted.js";

let server: ScriptedServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new ScriptedServer();
});

/** Three pages, whose `next` names an inner host, as behind a proxy that hides it. */
function threePages(): void {
  const next = (cursor: string) => `http://inner:8000/api/buckets/b/files/?cursor=${cursor}&prefix=%C3%A4+x%2F`;
  server.next(
    "GET buckets/b/files/",
    ok({ next: next("cD0y%3D"), prefixes: ["folder/"], results: [{ file_name: "1" }] }),
    ok({ next: next("cD0z="), results: [{ file_name: "2" }] }),
    ok({ next: null, results: [{ file_name: "3" }] }),
  );
}

test("page returns the pages one by one, and null after the last", async () => {
  threePages();
  const pages = clientOf(server).files("b", { prefix: "ä x/", delimiter: "/", pageSize: 1 });
  const found = [];
  for (let page = await settle(pages.page()); page; page = await settle(pages.page())) found.push(page);
  expect(found).toEqual([
    { items: [{ file_name: "1" }], prefixes: ["folder/"], isLast: false },
    { items: [{ file_name: "2" }], prefixes: [], isLast: false },
    { items: [{ file_name: "3" }], prefixes: [], isLast: true },
  ]);
  expect(await pages.page()).toBeNull();
  expect(server.seen.map(({ query }) => Object.fromEntries(query))).toEqual([
    { prefix: "ä x/", delimiter: "/", page_size: "1" },
    { cursor: "cD0y=", prefix: "ä x/" },
    { cursor: "cD0z=", prefix: "ä x/" },
  ]);
});

test("all returns what the remaining pages hold", async () => {
  threePages();
  const pages = clientOf(server).files("b");
  await settle(pages.page());
  expect(await settle(pages.all())).toEqual([{ file_name: "2" }, { file_name: "3" }]);
  expect(await settle(pages.all())).toEqual([]);
});

test("a page that failed is asked for again", async () => {
  const pages = clientOf(server).shares({ bucket: "b", fileName: "f" });
  server.next(
    "GET shares/",
    failure(403, "permission_denied"),
    ok({ next: "https://x/shares/", results: [{ id: "1" }] }),
  );
  await expect(settle(pages.page())).rejects.toMatchObject({ code: "permission_denied" });
  expect((await settle(pages.page()))?.items).toEqual([{ id: "1" }]);
  expect(Object.fromEntries(server.seen[1]?.query ?? [])).toEqual({ bucket: "b", file_name: "f" });
});
