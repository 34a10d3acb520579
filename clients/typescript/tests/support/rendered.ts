import { act, createElement, StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { vi } from "vitest";

declare global {
  var IS_REACT_ACT_ENVIRONMENT: boolean;
}
globalThis.IS_REACT_ACT_ENVIRONMENT = true;

/** A mounted component that calls one hook. */
export interface Rendered<P, T> {
  /** What the hook returned, render by render. */
  renders: T[];
  readonly current: T;
  render(props: P): void;
  unmount(): void;
}

/** Mount a component that calls a hook, with React's strict mode if asked. */
export function renderHook<P, T>(useHook: (props: P) => T, props: P, isStrict = false): Rendered<P, T> {
  const renders: T[] = [];
  const Probe = ({ given }: { given: P }) => {
    renders.push(useHook(given));
    return null;
  };
  const root = createRoot(document.createElement("div"));
  const render = (given: P) => {
    const probe = createElement(Probe, { given });
    act(() => root.render(isStrict ? createElement(StrictMode, null, probe) : probe));
  };
  render(props);
  return {
    renders,
    get current() {
      return renders[renders.length - 1] as T;
    },
    render,
    unmount: () => act(() => root.unmount()),
  };
}

/** Let the fake clock run, and React render what changes. */
export async function advance(milliseconds: number): Promise<void> {
  await act(async () => {
    await vi.advanceTimersByTimeAsync(milliseconds);
  });
}
