import { useEffect } from "preact/hooks";
import { confirm } from "../dialogs/confirm.tsx";
import { Icon } from "../icons.tsx";
import { addressOf, follow } from "../location.ts";
import { client } from "../session.ts";
import { buckets, bucketsFailure, loadBuckets } from "../shell/buckets.ts";
import { _, formatDay } from "../text.ts";
import { reasonOf, showError, showToast } from "../toasts.tsx";
import { createBucket } from "./create-bucket.ts";

async function removeBucket(name: string): Promise<void> {
  const isSure = await confirm({
    title: _("Remove the bucket %(name)s?", { name }),
    text: _("Only an empty bucket can be removed."),
    action: _("Remove"),
    isDanger: true,
  });
  if (!isSure) return;
  try {
    await client.removeBucket(name);
    showToast({ text: _("The bucket %(name)s is removed.", { name }) });
  } catch (error) {
    showError(error, name);
  }
  await loadBuckets();
}

/** All buckets, for staff. */
export function BucketsView() {
  useEffect(() => {
    document.title = `${_("Manage buckets")} – ${_("Files")}`;
  }, []);
  return (
    <>
      <h1>{_("Manage buckets")}</h1>
      <div class="toolbar">
        <button type="button" class="button button-primary" onClick={() => void createBucket()}>
          <Icon name="plus" size={18} />
          {_("Create bucket")}
        </button>
      </div>
      {bucketsFailure.value !== undefined && (
        <p class="error" role="alert">
          {reasonOf(bucketsFailure.value)}
        </p>
      )}
      <table class="plain">
        <thead>
          <tr>
            <th scope="col">{_("Name")}</th>
            <th scope="col" class="cell-minor">
              {_("Region")}
            </th>
            <th scope="col" class="cell-minor">
              {_("Created")}
            </th>
            <th scope="col">
              <span class="visually-hidden">{_("Actions")}</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {buckets.value?.map(({ name, region, created_at }) => (
            <tr key={name}>
              <th scope="row">
                <a href={addressOf({ bucket: name })} onClick={follow({ bucket: name })}>
                  {name}
                </a>
              </th>
              <td class="cell-minor">{region}</td>
              <td class="cell-minor">{created_at && formatDay(created_at)}</td>
              <td class="cell-action">
                <button
                  type="button"
                  class="button button-small"
                  aria-label={_("Remove the bucket %(name)s", { name })}
                  onClick={() => void removeBucket(name)}
                >
                  {_("Remove")}
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </>
  );
}
