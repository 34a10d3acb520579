import { describe, expect, test, vi } from "vitest";
import { openBlob } from "../../src/files/memory.js";
import { bytes } from "../support/scripted.js";

const KIB = 1024;

async function bytesOf(body: unknown): Promise<Uint8Array> {
  return new Uint8Array(await new Response(body as BodyInit).arrayBuffer());
}

describe("a Blob", () => {
  test.each([0, 1, 256 * KIB])("of %i bytes is read once for its checksum and to be sent", async (size) => {
    const blob = new Blob([bytes(size) as BlobPart]);
    const read = vi.spyOn(blob, "arrayBuffer");
    const source = openBlob(blob);
    await source.digest?.();
    const { body } = await source.read(0, size);
    expect(body).toEqual(bytes(size));
    expect(read).toHaveBeenCalledOnce();
  });

  test("of more is not held in memory", async () => {
    const blob = new Blob([bytes(256 * KIB + 1) as BlobPart]);
    const source = openBlob(blob);
    await source.digest?.();
    expect((await source.read(0, blob.size)).body).toBe(blob);
  });

  test("is sent whole as it is, and in parts as slices", async () => {
    const blob = new Blob([bytes(100) as BlobPart], { type: "image/png" });
    const source = openBlob(blob);
    expect((await source.read(0, 100)).body).toBe(blob);
    expect(await bytesOf((await source.read(40, 30)).body)).toEqual(bytes(100).subarray(40, 70));
    expect(await bytesOf((await source.read(90, 10)).body)).toEqual(bytes(100).subarray(90));
  });
});
