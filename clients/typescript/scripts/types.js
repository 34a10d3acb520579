// Generate src/schema.ts from the schema that the service serves. Only the components: the client needs no paths.
import { execFileSync } from "node:child_process";
import process from "node:process";
import { URL } from "node:url";
import { readFileSync, writeFileSync } from "node:fs";
import openapiTS, { astToString } from "openapi-typescript";

const root = new URL("../../../", import.meta.url);
const file = new URL("../node_modules/.schema.json", import.meta.url);
const python = process.env.PYTHON ?? new URL(".venv/bin/python", root).pathname;
execFileSync(python, ["manage.py", "spectacular", "--format", "openapi-json", "--file", file.pathname], { cwd: root });
const schema = JSON.parse(readFileSync(file, "utf8"));
const syntax = await openapiTS({ ...schema, paths: {} }, { defaultNonNullable: false, silent: true });
const note = "// Generated from the service's OpenAPI schema by `npm run types`. Do not edit.\n";
// TSDoc has no tags for descriptions and formats: editors and TypeDoc show plain sentences.
const types = astToString(syntax)
  .replaceAll("@description ", "")
  .replaceAll("Format: date-time", "ISO 8601.")
  .replaceAll("Format: uuid", "UUID.");
writeFileSync(process.argv[2] ?? new URL("../src/schema.ts", import.meta.url), note + types);
