const path = require("node:path");
const { getDefaultConfig } = require("expo/metro-config");

// The client is linked from its folder, which has a React of its own for its tests: the app must not bundle two.
const client = path.resolve(__dirname, "../typescript");
const config = getDefaultConfig(__dirname);
config.watchFolders = [client];
config.resolver.blockList = [new RegExp(`^${path.join(client, "node_modules").replace(/[/\\.]/g, "\\$&")}/`)];
config.resolver.nodeModulesPaths = [path.resolve(__dirname, "node_modules")];

module.exports = config;
