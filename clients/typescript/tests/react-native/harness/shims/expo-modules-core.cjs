// What expo-file-system takes from expo-modules-core. The rest of that package needs native code at import.
module.exports = {
  requireNativeModule: (name) => globalThis.expo.modules[name],
  UnavailabilityError: class UnavailabilityError extends Error {},
  uuid: { v4: () => String(Math.random()) },
};
