import { useRef, useState } from "preact/hooks";
import { query } from "../files/filters.ts";
import { Icon } from "../icons.tsx";
import { bucket, view } from "../location.ts";
import { page } from "../page.ts";
import { csrfToken, user } from "../session.ts";
import { _ } from "../text.ts";
import { isDrawerOpen } from "./sidebar.tsx";

/** The bar at the top: menu, search, user. */
export function Topbar() {
  const isSearchable = view.value === "files" && bucket.value !== "";
  return (
    <header class="topbar">
      <button
        type="button"
        class="button-icon only-small"
        aria-label={_("Buckets")}
        aria-haspopup="dialog"
        onClick={() => (isDrawerOpen.value = true)}
      >
        <Icon name="menu" />
      </button>
      <a class="brand" href={page.urls.console} aria-label={_("Files")}>
        <Logo />
        <span>{_("Files")}</span>
      </a>
      {isSearchable ? <Search /> : <span class="topbar-space" />}
      <Account />
    </header>
  );
}

function Logo() {
  return (
    <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
      <rect width="32" height="32" rx="8" class="logo-ground" />
      <path d="M16 23V10m-6 6 6-6 6 6" class="logo-arrow" />
    </svg>
  );
}

function Search() {
  return (
    <search class="search">
      <Icon name="search" size={18} />
      <input
        type="search"
        value={query.value}
        onInput={(event) => (query.value = event.currentTarget.value)}
        placeholder={_("Search this folder and below")}
        aria-label={_("Search this folder and below")}
        autoComplete="off"
        spellcheck={false}
        id="search"
      />
    </search>
  );
}

function Account() {
  const [isOpen, setOpen] = useState(false);
  const ref = useRef<HTMLDivElement>(null);
  const { name } = user.value;
  return (
    <div
      class="account"
      ref={ref}
      onFocusOut={(event) => {
        if (!ref.current?.contains(event.relatedTarget as Node | null)) setOpen(false);
      }}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        setOpen(false);
        ref.current?.querySelector("button")?.focus();
      }}
    >
      <button
        type="button"
        class="avatar"
        aria-expanded={isOpen}
        aria-label={_("Account of %(name)s", { name })}
        onClick={() => setOpen(!isOpen)}
      >
        {[...name][0]?.toLocaleUpperCase()}
      </button>
      {isOpen && (
        <form class="account-menu" method="post" action={page.urls.signOut}>
          <input type="hidden" name="csrfmiddlewaretoken" value={csrfToken()} />
          <p>
            <strong>{name}</strong>
            {user.value.isStaff && <span class="badge">{_("Staff")}</span>}
          </p>
          <button type="submit" class="button">
            {_("Sign out")}
          </button>
        </form>
      )}
    </div>
  );
}
