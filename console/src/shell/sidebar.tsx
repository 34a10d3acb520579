import { useEffect, useRef } from "preact/hooks";
import { signal } from "@preact/signals";
import { Icon, type IconName } from "../icons.tsx";
import { addressOf, bucket, follow, view, type Place } from "../location.ts";
import { user } from "../session.ts";
import { _ } from "../text.ts";
import { buckets, loadBuckets } from "./buckets.ts";

/** On narrow screens the sidebar is a drawer. */
export const isDrawerOpen = signal(false);

/** The buckets, and the pages of staff. */
export function Sidebar() {
  useEffect(() => void loadBuckets(), []);
  return (
    <aside class="sidebar">
      <Navigation />
    </aside>
  );
}

/** The same on narrow screens: a drawer that opens over the page. */
export function Drawer() {
  return isDrawerOpen.value ? <OpenDrawer /> : null;
}

function OpenDrawer() {
  const ref = useRef<HTMLDialogElement>(null);
  const close = () => (isDrawerOpen.value = false);
  useEffect(() => {
    ref.current?.showModal();
    // A link in the drawer leads away from it.
    const stops = [bucket, view].map((each) => {
      let isFirst = true;
      return each.subscribe(() => (isFirst ? (isFirst = false) : close()));
    });
    return () => stops.forEach((stop) => stop());
  }, []);
  return (
    <dialog
      ref={ref}
      class="drawer"
      aria-label={_("Buckets")}
      onCancel={close}
      onClick={(event) => event.target === ref.current && close()}
    >
      <div class="drawer-body">
        <button type="button" class="button-icon" aria-label={_("Close")} onClick={close}>
          <Icon name="close" />
        </button>
        <Navigation />
      </div>
    </dialog>
  );
}

function Navigation() {
  const inFiles = view.value === "files";
  return (
    <nav aria-label={_("Buckets")}>
      <h2 class="sidebar-title">{_("Buckets")}</h2>
      <ul class="sidebar-list">
        {buckets.value?.map(({ name }) => (
          <Item
            key={name}
            icon="bucket"
            label={name}
            place={{ bucket: name }}
            isOpen={inFiles && bucket.value === name}
          />
        ))}
        {buckets.value === undefined && <li class="skeleton sidebar-skeleton" />}
      </ul>
      {user.value.isStaff && (
        <>
          <h2 class="sidebar-title">{_("Staff")}</h2>
          <ul class="sidebar-list">
            <Item
              icon="plus"
              label={_("Manage buckets")}
              place={{ view: "buckets" }}
              isOpen={view.value === "buckets"}
            />
            <Item
              icon="shield"
              label={_("Quarantine")}
              place={{ view: "attention" }}
              isOpen={view.value === "attention"}
            />
            <Item
              icon="broom"
              label={_("Housekeeping")}
              place={{ view: "housekeeping" }}
              isOpen={view.value === "housekeeping"}
            />
          </ul>
        </>
      )}
    </nav>
  );
}

function Item({ icon, label, place, isOpen }: { icon: IconName; label: string; place: Place; isOpen: boolean }) {
  return (
    <li>
      <a
        class="sidebar-item"
        href={addressOf(place)}
        onClick={follow(place)}
        aria-current={isOpen ? "page" : undefined}
      >
        <Icon name={icon} size={18} />
        <span>{label}</span>
      </a>
    </li>
  );
}
