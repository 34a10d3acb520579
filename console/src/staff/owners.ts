import { signal } from "@preact/signals";
import { page } from "../page.ts";
import { user } from "../session.ts";
import { _ } from "../text.ts";

/** A user as staff see one. */
export interface Owner {
  id: string;
  name: string;
}

const ASK_MILLISECONDS = 60;
const MOST_AT_ONCE = 100;
const names = signal<ReadonlyMap<string, string>>(new Map());
const wanted = new Set<string>();
let timer: ReturnType<typeof setTimeout> | undefined;

/** Return the name of an owner; staff see the primary key until the name has come. */
export function ownerName(id: string | null): string {
  if (id === null) return _("Deleted user");
  if (id === user.value.id) return user.value.name;
  const name = names.value.get(id);
  if (name === undefined && user.value.isStaff) {
    wanted.add(id);
    timer ??= setTimeout(() => void ask(), ASK_MILLISECONDS);
  }
  return name ?? `#${id}`;
}

/** Find users by a part of their name. Throws if the server does not answer. */
export async function findOwners(search: string): Promise<Owner[]> {
  return fetchOwners(new URLSearchParams({ search }));
}

async function ask(): Promise<void> {
  timer = undefined;
  const ids = [...wanted].slice(0, MOST_AT_ONCE);
  for (const id of ids) wanted.delete(id);
  const found = await fetchOwners(new URLSearchParams(ids.map((id) => ["id", id]))).catch(() => []);
  // Also those that do not exist: they are not asked for again.
  const pairs = [...ids.map((id) => [id, `#${id}`] as const), ...found.map(({ id, name }) => [id, name] as const)];
  names.value = new Map([...names.value, ...pairs]);
}

async function fetchOwners(query: URLSearchParams): Promise<Owner[]> {
  const response = await fetch(`${page.urls.users}?${query.toString()}`, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(_("The server cannot be reached."));
  return ((await response.json()) as { results: Owner[] }).results;
}
