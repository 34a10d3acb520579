import { expect, test, vi } from "vitest";
import { expoConnectivity } from "../../src/expo.js";

type State = Parameters<Parameters<Parameters<typeof expoConnectivity>[0]["addNetworkStateListener"]>[0]>[0];

/** A phone, as expo-network and React Native tell of it. */
function phone(first: State = { isConnected: true }) {
  let network: ((state: State) => void) | undefined;
  let app: ((state: string) => void) | undefined;
  const connectivity = expoConnectivity(
    {
      getNetworkStateAsync: () => Promise.resolve(first),
      addNetworkStateListener: (listener) => (network = listener),
    },
    { addEventListener: (_, listener) => (app = listener) },
  );
  return { connectivity, network: (state: State) => network?.(state), app: (state: string) => app?.(state) };
}

test("a phone is online until it tells otherwise", async () => {
  const { connectivity } = phone({ isConnected: false });
  expect(connectivity.isOnline()).toBe(true);
  await Promise.resolve();
  expect(connectivity.isOnline()).toBe(false);
});

test("listeners are called once the network is back, and not when it goes", () => {
  const { connectivity, network } = phone();
  const listener = vi.fn();
  connectivity.subscribe(listener);
  network({ isConnected: true });
  network({ isConnected: false });
  expect(connectivity.isOnline()).toBe(false);
  expect(listener).not.toHaveBeenCalled();
  network({ isConnected: true });
  expect(connectivity.isOnline()).toBe(true);
  expect(listener).toHaveBeenCalledTimes(1);
});

test("an unknown state counts as online", () => {
  const { connectivity, network } = phone();
  network({ isConnected: false });
  network({});
  expect(connectivity.isOnline()).toBe(true);
});

test("listeners are called when the app comes to the front, until they unsubscribe", () => {
  const { app, connectivity } = phone();
  const listener = vi.fn();
  const unsubscribe = connectivity.subscribe(listener);
  app("background");
  expect(listener).not.toHaveBeenCalled();
  app("active");
  unsubscribe();
  app("active");
  expect(listener).toHaveBeenCalledTimes(1);
});
