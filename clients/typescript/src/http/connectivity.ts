/** The state of the network. In React Native, make one from NetInfo and AppState. */
export interface Connectivity {
  /** Return true if the device has a network. While it has none, uploads wait. */
  isOnline(): boolean;
  /** Call `listener` whenever the network or the app comes back. Returns a function that unsubscribes. */
  subscribe(listener: () => void): () => void;
}

/** Return the connectivity of a browser; elsewhere one that is always online. */
export function detectConnectivity(): Connectivity {
  if (typeof window === "undefined" || typeof window.addEventListener !== "function") {
    return { isOnline: () => true, subscribe: () => () => undefined };
  }
  return {
    isOnline: () => navigator.onLine,
    subscribe(listener) {
      window.addEventListener("online", listener);
      return () => window.removeEventListener("online", listener);
    },
  };
}
