import { useLayoutEffect, useState } from "preact/hooks";
import type { RefObject } from "preact";

/** Rows above and below the screen that exist, too, so that Tab and fast scrolling find them. */
const MARGIN_ROWS = 8;

/** Lines that exist in the document. */
export interface Window {
  start: number;
  end: number;
}

/** Return which of many lines of one height the screen needs while the page scrolls. `ref`: the element that holds them. */
export function useWindow(ref: RefObject<HTMLElement | null>, height: number, count: number): Window {
  const [shown, setShown] = useState<Window>({ start: 0, end: Math.min(count, 30) });
  useLayoutEffect(() => {
    let frame = 0;
    const measure = () => {
      frame = 0;
      const top = ref.current?.getBoundingClientRect().top ?? 0;
      const first = Math.floor(-top / height) - MARGIN_ROWS;
      const start = Math.max(0, Math.min(first, count - 1));
      const end = Math.min(count, Math.max(0, Math.ceil((innerHeight - top) / height) + MARGIN_ROWS));
      setShown((earlier) => (earlier.start === start && earlier.end === end ? earlier : { start, end }));
    };
    const schedule = () => (frame ||= requestAnimationFrame(measure));
    measure();
    addEventListener("scroll", schedule, { passive: true });
    addEventListener("resize", schedule);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener("scroll", schedule);
      removeEventListener("resize", schedule);
    };
  }, [height, count]);
  return { start: Math.min(shown.start, count), end: Math.min(shown.end, count) };
}
