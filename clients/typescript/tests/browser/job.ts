import type { UploadTask } from "../../src/index.js";

/** What the page uploads. The test writes it into `localStorage`. */
export interface PageJob {
  baseUrl: string;
  authorization: string;
  bucket: string;
  files: { name: string; size: number }[];
}

/** What the test reads from the window of the page. */
export interface PageWindow extends Window {
  tasks?: UploadTask[] | undefined;
  /** Uploads that an earlier life of the page had begun. */
  resumed?: number;
}

export const JOB = "page-job";
