// Packages of React Native find here what the realm's React Native has set up: one emitter of native events for all.
module.exports = globalThis.__reactNative;
