import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { showError } from "./toasts.tsx";

/** Return a component whose code is loaded when it is shown first, so that the first load of the page is small. */
export function lazy(load: () => Promise<ComponentType>): ComponentType {
  let loaded: ComponentType | undefined;
  return function Lazy() {
    const [, update] = useState(false);
    useEffect(() => {
      if (loaded) return;
      load().then((component) => {
        loaded = component;
        update(true);
      }, showError);
    }, []);
    const Loaded = loaded;
    return Loaded ? <Loaded /> : null;
  };
}
