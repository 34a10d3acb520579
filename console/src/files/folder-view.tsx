import { useEffect } from "preact/hooks";
import { Icon } from "../icons.tsx";
import { announce } from "../live.tsx";
import { bucket, folder } from "../location.ts";
import { failure, isComplete, isLoading, open, rows } from "../listing.ts";
import { user } from "../session.ts";
import { Breadcrumbs } from "../shell/breadcrumbs.tsx";
import { buckets, bucketsFailure, loadBuckets } from "../shell/buckets.ts";
import { Message } from "../shell/message.tsx";
import { _, ngettext } from "../text.ts";
import { reasonOf } from "../toasts.tsx";
import { UploadButtons, UsageBar } from "../uploads/panel.tsx";
import { createBucket } from "../staff/create-bucket.ts";
import { clearFilters, isFiltered } from "./filters.ts";
import { clearSelection } from "./selection.ts";
import { FileTable } from "./table.tsx";
import { FileTiles } from "./tiles.tsx";
import { Filters, layout, Toolbar } from "./toolbar.tsx";

/** The open folder. */
export function FolderView() {
  useEffect(clearSelection, [bucket.value, folder.value]);
  if (!bucket.value) return <NoBucket />;
  return (
    <>
      <Breadcrumbs />
      <UsageBar />
      <Toolbar />
      <Filters />
      <Content />
    </>
  );
}

function Content() {
  const count = rows.value.length;
  const isReady = isComplete.value;
  useEffect(() => {
    if (isReady) announce(ngettext("%(count)s entry", "%(count)s entries", count));
  }, [isReady, count, folder.value]);
  if (count) {
    return (
      <>
        {layout.value === "tiles" ? <FileTiles /> : <FileTable />}
        <p class="list-end quiet">
          {failure.value ? (
            <Failure />
          ) : isReady ? (
            ngettext("%(count)s entry", "%(count)s entries", count)
          ) : (
            _("Loading…")
          )}
        </p>
      </>
    );
  }
  if (failure.value) return <Failure />;
  if (!isReady || isLoading.value) return <Skeleton />;
  if (isFiltered.value) {
    return (
      <Message icon="search" title={_("Nothing was found")}>
        <p>{_("No file in this folder and below fits the search and the filters.")}</p>
        <button type="button" class="button" onClick={clearFilters}>
          {_("Clear filters")}
        </button>
      </Message>
    );
  }
  return (
    <Message icon="upload" title={_("This folder is empty")}>
      <p>{_("Drop files here, or choose them.")}</p>
      <UploadButtons />
    </Message>
  );
}

function Failure() {
  return (
    <Message icon="warning" title={_("The files cannot be listed")} isAlert>
      <p>{reasonOf(failure.value)}</p>
      <button type="button" class="button button-primary" onClick={open}>
        <Icon name="refresh" size={18} />
        {_("Try again")}
      </button>
    </Message>
  );
}

function Skeleton() {
  return (
    <div class="skeletons" aria-hidden="true">
      {Array.from({ length: 8 }, (_each, index) => (
        <div class="skeleton" key={index} />
      ))}
    </div>
  );
}

function NoBucket() {
  if (bucketsFailure.value) {
    return (
      <Message icon="warning" title={_("The buckets cannot be listed")} isAlert>
        <p>{reasonOf(bucketsFailure.value)}</p>
        <button type="button" class="button button-primary" onClick={() => void loadBuckets()}>
          <Icon name="refresh" size={18} />
          {_("Try again")}
        </button>
      </Message>
    );
  }
  if (!buckets.value) return <Skeleton />;
  if (!user.value.isStaff) {
    return (
      <Message icon="bucket" title={_("There is no bucket for you yet")}>
        <p>{_("Ask the staff of this site to open one.")}</p>
      </Message>
    );
  }
  return (
    <Message icon="bucket" title={_("There is no bucket yet")}>
      <p>{_("Files lie in buckets. Create the first one.")}</p>
      <button type="button" class="button button-primary" onClick={() => void createBucket()}>
        <Icon name="plus" size={18} />
        {_("Create bucket")}
      </button>
    </Message>
  );
}
