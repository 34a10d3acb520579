import { useEffect } from "preact/hooks";
import { addressOf, bucket, folder, follow } from "../location.ts";
import { _ } from "../text.ts";

/** The bucket and the folders that lead to the open one; the last is the heading of the page. */
export function Breadcrumbs() {
  const names = folder.value.split("/").slice(0, -1);
  const crumbs = [
    { name: bucket.value, place: { bucket: bucket.value } },
    ...names.map((name, index) => ({
      name,
      place: { bucket: bucket.value, folder: `${names.slice(0, index + 1).join("/")}/` },
    })),
  ];
  const last = crumbs.pop();
  useEffect(() => {
    document.title = `${last?.name ?? ""} – ${_("Files")}`;
  }, [last?.name]);
  return (
    <nav class="breadcrumbs" aria-label={_("Folders")}>
      <ol>
        {crumbs.map(({ name, place }) => (
          <li key={addressOf(place)}>
            <a href={addressOf(place)} onClick={follow(place)} dir="auto">
              {name}
            </a>
          </li>
        ))}
        <li>
          <h1 aria-current="page" dir="auto">
            {last?.name}
          </h1>
        </li>
      </ol>
    </nav>
  );
}
