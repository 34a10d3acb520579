/**
 * `<s3-upload>`: the widget of Django forms. It enhances the file input that the server rendered: the browser sends each
 * file to S3 at once, and the form gets the id of the upload. Without this script, the file goes with the form.
 *
 * All elements are phrasing content, because `form.as_p` puts the widget into a paragraph.
 */
import { createClient, type Client, type UploadTask } from "../src/index.js";

const RELEVANT_PERCENT = 10;
// A form that is loaded again begins anew, so unfinished uploads need not be remembered.
const FORGETFUL = { get: () => null, set: () => undefined, delete: () => undefined, keys: () => [] };
const clients = new Map<string, Client>();

/** One file in the list: a row, and the upload that it shows. */
class FileRow {
  readonly element = document.createElement("span");
  readonly task: UploadTask;
  private readonly bar = document.createElement("progress");
  private readonly button = document.createElement("button");
  private readonly note = document.createElement("span");
  private told = 0;

  constructor(
    private readonly host: S3Upload,
    client: Client,
    readonly file: File,
  ) {
    this.element.className = "s3-upload-file";
    this.element.setAttribute("role", "listitem");
    const name = build("span", "s3-upload-name", file.name);
    this.note.className = "s3-upload-size";
    this.bar.max = 1;
    this.bar.value = 0;
    this.bar.setAttribute("aria-label", file.name);
    this.button.type = "button";
    this.label("cancel");
    this.button.addEventListener("click", () => this.remove());
    this.element.append(name, this.note, this.button, this.bar);
    this.task = client.prepare(file, { bucket: host.dataset.bucket ?? "" });
  }

  /** Return true while the form has to wait for the file. */
  get isBusy(): boolean {
    return this.element.isConnected && this.bar.isConnected;
  }

  async upload(): Promise<void> {
    this.task.subscribe(() => this.showProgress());
    this.task.start();
    try {
      const record = await this.task.result;
      const input = document.createElement("input");
      input.type = "hidden";
      input.name = this.host.fieldName;
      input.value = record.id;
      this.element.append(input);
      this.end();
      this.host.tell(`${this.file.name}: ${this.host.text("done")}`);
    } catch (error) {
      this.fail((error as Error).message);
    }
    this.host.update();
  }

  fail(message: string): void {
    this.end();
    this.element.append(build("span", "s3-upload-error", message));
    this.host.tell(`${this.file.name}: ${message}`);
  }

  private end(): void {
    this.bar.remove();
    this.note.textContent = "";
    this.label("remove");
  }

  private label(name: string): void {
    this.button.textContent = this.host.text(name);
    this.button.setAttribute("aria-label", `${this.host.text(name)}: ${this.file.name}`);
  }

  remove(): void {
    // The bytes that have arrived expire on the server. A cancelled task rejects, and there is nothing left to show it.
    if (this.isBusy) void this.task.cancel().catch(() => undefined);
    this.element.remove();
    this.host.update();
    this.host.focusInput();
  }

  private showProgress(): void {
    const { sentBytes, totalBytes } = this.task.progress;
    const share = totalBytes ? sentBytes / totalBytes : 1;
    const percent = Math.floor(share * 100);
    this.bar.value = share;
    this.note.textContent = `${percent} %`;
    if (this.isBusy && percent - this.told >= RELEVANT_PERCENT && percent < 100) {
      this.told = percent;
      this.host.tell(`${this.host.text("uploading")} ${this.file.name}: ${percent} %`);
    }
  }
}

/** The element. Its attributes come from the template of the widget. */
class S3Upload extends HTMLElement {
  fieldName = "";
  private rows: FileRow[] = [];
  private input: HTMLInputElement | null = null;
  private status: HTMLElement | null = null;
  private list: HTMLElement | null = null;

  connectedCallback(): void {
    // While the page is parsed, the children come after the element.
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", () => this.enhance(), { once: true });
    } else {
      this.enhance();
    }
  }

  text(name: string): string {
    return this.getAttribute(`data-text-${name}`) ?? "";
  }

  /** Say something to screen readers. */
  tell(message: string): void {
    if (this.status) this.status.textContent = message;
  }

  focusInput(): void {
    this.input?.focus();
  }

  update(): void {
    this.rows = this.rows.filter(({ element }) => element.isConnected);
    const isBusy = this.rows.some((row) => row.isBusy);
    // A form that is sent now would lack the file. The browser shows this text at the input.
    this.input?.setCustomValidity(isBusy ? this.text("busy") : "");
  }

  private enhance(): void {
    this.input = this.querySelector<HTMLInputElement>('input[type="file"]');
    this.status = this.querySelector('[role="status"]');
    this.list = this.querySelector(".s3-upload-files");
    const { service } = this.dataset;
    // Rows of the admin's inlines are copied from a template, whose names have `__prefix__` until then.
    if (!this.input || !service || this.classList.contains("s3-upload-enhanced")) return;
    if (this.input.name.includes("__prefix__")) return;
    this.fieldName = this.input.name;
    this.input.removeAttribute("name");
    this.classList.add("s3-upload-enhanced");
    this.input.after(build("span", "s3-upload-hint", this.text("drop")));
    this.input.addEventListener("change", () => this.take(this.input?.files));
    // The forms of Django's admin have `novalidate`.
    this.closest("form")?.addEventListener("submit", (event) => {
      if (!this.input?.reportValidity()) event.preventDefault();
    });
    this.addEventListener("dragover", (event) => {
      event.preventDefault();
      this.classList.add("s3-upload-over");
    });
    this.addEventListener("dragleave", () => this.classList.remove("s3-upload-over"));
    this.addEventListener("drop", (event) => {
      event.preventDefault();
      this.classList.remove("s3-upload-over");
      this.take(event.dataTransfer?.files);
    });
  }

  private take(files: FileList | null | undefined): void {
    const several = this.input?.multiple;
    for (const file of Array.from(files ?? []).slice(0, several ? undefined : 1)) {
      if (!several) this.rows.forEach((row) => row.remove());
      const row = new FileRow(this, this.client(), file);
      this.rows.push(row);
      this.list?.append(row.element);
      const maxBytes = Number(this.dataset.maxBytes ?? Infinity);
      if (file.size > maxBytes) row.fail(this.text("too-large"));
      else if (!accepts(this.input?.accept ?? "", file)) row.fail(this.text("wrong-type"));
      else void row.upload();
    }
    if (this.input) this.input.value = "";
    this.update();
  }

  private client(): Client {
    const baseUrl = this.dataset.service ?? "";
    let client = clients.get(baseUrl);
    if (!client) {
      const token = () => document.querySelector<HTMLInputElement>('input[name="csrfmiddlewaretoken"]')?.value ?? "";
      client = createClient({ baseUrl, headers: () => ({ "X-CSRFToken": token() }), storage: FORGETFUL });
      clients.set(baseUrl, client);
    }
    return client;
  }
}

/** Compare a dropped file with `accept`, as the picker does. If the browser knows no type of the file, the service decides. */
function accepts(accept: string, { name, type }: File): boolean {
  const kinds = accept
    .toLowerCase()
    .split(",")
    .map((kind) => kind.trim());
  const matches = (kind: string) =>
    kind.startsWith(".")
      ? name.toLowerCase().endsWith(kind)
      : !type || type === kind || (kind.endsWith("/*") && type.startsWith(kind.slice(0, -1)));
  return accept === "" || kinds.some(matches);
}

function build(tag: string, className: string, text: string): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

customElements.define("s3-upload", S3Upload);
