import { useState } from "preact/hooks";
import { owner } from "../files/filters.ts";
import { _ } from "../text.ts";
import { showError } from "../toasts.tsx";
import { findOwners, ownerName, type Owner } from "./owners.ts";

const WAIT_MILLISECONDS = 250;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Limits the list to the files of one user, whom staff find by name. */
export function OwnerFilter() {
  const [found, setFound] = useState<readonly Owner[]>([]);
  const [text, setText] = useState(owner.value && ownerName(owner.value));
  const search = (value: string) => {
    setText(value);
    const chosen = found.find(({ name }) => name === value);
    if (chosen || !value) owner.value = chosen?.id ?? "";
    clearTimeout(timer);
    if (!value || chosen) return;
    timer = setTimeout(() => void findOwners(value).then(setFound, showError), WAIT_MILLISECONDS);
  };
  return (
    <p class="field">
      <label for="filter-owner">{_("Owner")}</label>
      <input
        id="filter-owner"
        type="search"
        list="owners"
        value={text}
        placeholder={_("All users")}
        autoComplete="off"
        onInput={(event) => search(event.currentTarget.value)}
      />
      <datalist id="owners">
        {found.map(({ id, name }) => (
          <option key={id} value={name} />
        ))}
      </datalist>
    </p>
  );
}
