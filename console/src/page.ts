/** The values that the server writes into the page, as JSON. */
export interface PageData {
  /** Base URL of the service, for `createClient`. */
  service: string;
  urls: { console: string; session: string; signIn: string; signOut: string; users: string; housekeeping: string };
  user: User;
  /** Token of the first request, and the cookie that holds newer ones. */
  csrf: { token: string; cookie: string | null };
  /** Buckets whose addresses the Content-Security-Policy of this page names; null if it names one for all. */
  reachable: string[] | null;
  /** Longest life of a share link, in seconds. */
  shareMaxSeconds: number;
}

/** The user who is signed in. */
export interface User {
  id: string;
  name: string;
  isStaff: boolean;
}

/** The data that the server wrote into this page. */
export const page = JSON.parse(document.getElementById("page")?.textContent ?? "{}") as PageData;
