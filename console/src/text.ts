/** Texts in the language of the user, by Django's JavaScript catalogue, and numbers and dates as that language writes them. */

interface Catalogue {
  gettext?(text: string): string;
  ngettext?(one: string, many: string, count: number): string;
}
type Values = Record<string, string | number>;

const catalogue: Catalogue = (globalThis as { django?: Catalogue }).django ?? {};
const language = document.documentElement.lang || "en";

/** Return a text in the language of the user, with the values for its `%(name)s`. */
export function _(text: string, values: Values = {}): string {
  return fill(catalogue.gettext?.(text) ?? text, values);
}

/** Return the text for a count; `%(count)s` is the count, as the language writes it. */
export function ngettext(one: string, many: string, count: number, values: Values = {}): string {
  const text = catalogue.ngettext?.(one, many, count) ?? (count === 1 ? one : many);
  return fill(text, { count: formatNumber(count), ...values });
}

function fill(text: string, values: Values): string {
  return text.replace(/%\((\w+)\)s/g, (whole, name: string) => String(values[name] ?? whole));
}

const numbers = new Intl.NumberFormat(language);
const days = new Intl.DateTimeFormat(language, { dateStyle: "medium" });
const times = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const spans = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const names = new Intl.Collator(language, { numeric: true, sensitivity: "base" });

/** Return a number as the language writes it. */
export function formatNumber(value: number): string {
  return numbers.format(value);
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
const sizes = UNITS.map(
  (unit, index) =>
    new Intl.NumberFormat(language, {
      style: "unit",
      unit,
      unitDisplay: index ? "short" : "long",
      maximumFractionDigits: index ? 1 : 0,
    }),
);

/** Return a size, such as `3.4 MB`. Units are decimal, as the disks of users count. */
export function formatBytes(bytes: number): string {
  const index = bytes < 1000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), UNITS.length - 1);
  return sizes[index]?.format(bytes / 1000 ** index) ?? String(bytes);
}

/** Return a day, such as `29 Nov 2026`. */
export function formatDay(date: string): string {
  return days.format(new Date(date));
}

/** Return a day and a time. */
export function formatTime(date: string): string {
  return times.format(new Date(date));
}

const SPANS: [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400],
  ["hour", 3600],
  ["minute", 60],
  ["second", 1],
];

/** Return a time as seen from now, such as `in 3 days`. */
export function formatFromNow(date: string, now = Date.now()): string {
  const seconds = (Date.parse(date) - now) / 1000;
  const [unit, length] = SPANS.find(([, each]) => Math.abs(seconds) >= each) ?? ["second", 1];
  return spans.format(Math.round(seconds / length), unit);
}

/** Compare two names as the language orders them; digits count as numbers. */
export function compareNames(one: string, other: string): number {
  return names.compare(one, other);
}
