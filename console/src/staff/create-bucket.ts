import { ask } from "../dialogs/confirm.tsx";
import { go } from "../location.ts";
import { client } from "../session.ts";
import { loadBuckets } from "../shell/buckets.ts";
import { _ } from "../text.ts";
import { showError } from "../toasts.tsx";

/** Ask for a name, create a bucket, and open it. */
export async function createBucket(): Promise<void> {
  const name = await ask({
    title: _("Create bucket"),
    text: "",
    action: _("Create bucket"),
    field: {
      label: _("Name"),
      pattern: "[a-z0-9][a-z0-9.\\-]{1,61}[a-z0-9]",
      hint: _("3 to 63 small letters, digits and hyphens."),
    },
  });
  if (!name) return;
  try {
    await client.createBucket(name);
  } catch (error) {
    showError(error);
    return;
  }
  await loadBuckets();
  go({ bucket: name });
}
