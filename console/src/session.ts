import { signal } from "@preact/signals";
import { createClient } from "s3-file-uploader-client";
import { page, type User } from "./page.ts";

/** The user who is signed in. */
export const user = signal<User>(page.user);

/** True while the session has expired and the page asks to sign in again. Requests wait in the meantime. */
export const isSignedOut = signal(false);

let token = page.csrf.token;
let waiting: { promise: Promise<void>; resolve: () => void } | undefined;

/** Return the CSRF token that counts now: another tab may have signed in since this page was loaded. */
export function csrfToken(): string {
  const cookies = document.cookie.split("; ").map((cookie) => cookie.split("="));
  return cookies.find(([name]) => name === page.csrf.cookie)?.[1] ?? token;
}

/** The one client of the service. Every module shares it. */
export const client = createClient({
  baseUrl: new URL(page.service, location.href).href,
  account: page.user.id,
  headers: () => ({ "X-CSRFToken": csrfToken() }),
  // A request that gets 401 waits here until the user has signed in again, then goes on.
  authorization: async ({ rejected }) => {
    if (rejected) await requireSession();
    else await waiting?.promise;
    return null;
  },
});

/** The session as the server sees it. */
interface SessionAnswer {
  user: User | null;
  csrf: string;
}

/** Wait until there is a session: ask the server, then the user. Another tab may have signed in already. */
export async function requireSession(): Promise<void> {
  if (!waiting && accept(await readSession())) return;
  if (!waiting) {
    let resolve = () => {};
    const promise = new Promise<void>((done) => (resolve = done));
    waiting = { promise, resolve };
    isSignedOut.value = true;
  }
  await waiting.promise;
}

/** Sign in again. Returns the reason if the server refuses. */
export async function signInAgain(username: string, password: string): Promise<string | undefined> {
  token = (await readSession()).csrf;
  const response = await fetch(page.urls.session, {
    method: "POST",
    headers: { "Content-Type": "application/x-www-form-urlencoded", "X-CSRFToken": csrfToken() },
    body: new URLSearchParams({ username, password }),
  });
  const answer = (await response.json()) as SessionAnswer & { detail?: string };
  if (!response.ok) return answer.detail;
  accept(answer);
  return undefined;
}

/** Look whether another tab has signed in, also as another user; call it when the page becomes visible. */
export async function checkSession(): Promise<void> {
  accept(await readSession());
}

async function readSession(): Promise<SessionAnswer> {
  const response = await fetch(page.urls.session, { headers: { Accept: "application/json" }, cache: "no-store" });
  if (!response.ok) throw new Error(`session: ${response.status}`);
  return (await response.json()) as SessionAnswer;
}

function accept(answer: SessionAnswer): boolean {
  token = answer.csrf;
  if (!answer.user) return false;
  // Another user must see nothing of this one: neither files nor uploads.
  if (answer.user.id !== page.user.id) location.reload();
  else {
    user.value = answer.user;
    isSignedOut.value = false;
    waiting?.resolve();
    waiting = undefined;
  }
  return true;
}
