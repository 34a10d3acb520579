import { expect, inject, test } from "vitest";
import { createClient } from "../../src/node.js";
import { createBucket } from "../support/service.js";

const service = inject("service");

test("upload of bytes to a new bucket is stored", async () => {
  const client = createClient({ baseUrl: service.baseUrl, authorization: () => service.user });
  const bucket = await createBucket(service);

  const record = await client.upload(new TextEncoder().encode("Hello"), { bucket, fileName: "hello.txt" }).result;

  expect(record).toMatchObject({ status: "stored", size: 5, original_name: "hello.txt" });
});
