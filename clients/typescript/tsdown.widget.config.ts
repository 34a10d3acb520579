import { defineConfig } from "tsdown";

// The widget of Django forms, as one script that needs no bundler. Django serves the built file, so it is committed.
export default defineConfig({
  entry: { "s3-upload": "widget/s3-upload.ts" },
  format: "iife",
  target: "es2020",
  platform: "browser",
  minify: true,
  dts: false,
  clean: false,
  outDir: process.env.WIDGET_DIR ?? "../../s3_file_uploader/static/s3_file_uploader",
  outputOptions: { entryFileNames: "[name].js" },
});
