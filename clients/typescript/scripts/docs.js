// Generate docs/reference/client.md from the TSDoc of src/: `npm run docs`.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";
import { Application } from "typedoc";
import { MarkdownTheme, MarkdownThemeContext } from "typedoc-plugin-markdown";

const NAME = "s3-file-uploader-client";
const ENTRIES = {
  index: NAME,
  react: `${NAME}/react`,
  expo: `${NAME}/expo`,
  "blob-util": `${NAME}/blob-util`,
  node: `${NAME}/node`,
};
const HEAD = `<!-- Generated from the sources by \`npm run docs\` in clients/typescript. Do not edit. -->

# The TypeScript client

\`${NAME}\` has five entries. [Upload from React Native](../tutorials/react-native.md) begins with an app;
[browsers](../how-to/browser.md), [Node.js](../how-to/node.md) and [background uploads](../how-to/background-upload.md)
have a page each. [Errors](errors.md) lists the codes of the service, [the record](record.md) its fields.
`;
/** Headings of groups, which say nothing that the signatures below them do not show. */
const GROUPS = ["Constructors", "Properties", "Accessors", "Methods", "Get Signature"];

const folder = fileURLToPath(new URL("../", import.meta.url));

/** A signature shows parents and returned values already. */
class PlainContext extends MarkdownThemeContext {
  constructor(...given) {
    super(...given);
    const none = () => "";
    this.partials = { ...this.partials, hierarchy: none, inheritance: none, signatureReturns: none };
  }
}

class PlainTheme extends MarkdownTheme {
  getRenderContext(event) {
    return new PlainContext(this, event, this.application.options);
  }
}

/** Write a file of Markdown for each entry. */
async function render(out) {
  const application = await Application.bootstrapWithPlugins({
    plugin: ["typedoc-plugin-markdown"],
    theme: "plain",
    outputs: [{ name: "markdown", path: out }],
    entryPoints: Object.keys(ENTRIES).map((entry) => join(folder, "src", `${entry}.ts`)),
    tsconfig: join(folder, "tsconfig.json"),
    router: "module",
    readme: "none",
    sort: "source-order",
    logLevel: "Warn",
    treatWarningsAsErrors: true,
    validation: { notExported: false },
    excludeExternals: true,
    excludePrivate: true,
    excludeProtected: true,
    excludeInternal: true,
    disableSources: true,
    hidePageHeader: true,
    hidePageTitle: true,
    hideBreadcrumbs: true,
    hideGroupHeadings: true,
    expandParameters: true,
    expandObjects: true,
    parametersFormat: "none",
    interfacePropertiesFormat: "table",
    classPropertiesFormat: "table",
    typeAliasPropertiesFormat: "table",
    typeDeclarationFormat: "table",
    tableColumnSettings: { hideDefaults: true, hideModifiers: true, hideOverrides: true, hideInherited: true },
  });
  application.renderer.defineTheme("plain", PlainTheme);
  const project = await application.convert();
  if (!project || application.logger.hasWarnings()) process.exit(1);
  removeInherited(project.getChildByName("node.NodeClient"));
  await application.generateOutputs(project);
  if (application.logger.hasErrors()) process.exit(1);
}

/** The methods of `Client` are on the page already. */
function removeInherited(nodeClient) {
  for (const group of nodeClient.groups) group.children = group.children.filter(({ inheritedFrom }) => !inheritedFrom);
}

/** Return the lines of an entry for the one page: a member's heading names its class, so that no two are alike. */
function place(markdown) {
  let owner = "";
  const lines = markdown.split("\n").flatMap((line) => {
    const [, marks, title] = /^(#+) (.+)$/.exec(line) ?? [];
    if (!marks) return line === "***" ? [] : [line];
    if (GROUPS.includes(title)) return [];
    if (marks.length === 2) owner = title;
    if (marks.length === 2) return [`### ${title}`];
    return [title === "Constructor" ? `#### new ${owner}()` : `#### ${owner}.${title}`];
  });
  return lines
    .join("\n")
    .replaceAll(/<a id="[^"]*"><\/a> /g, "")
    .replaceAll(/\]\((?:[\w-]+\.md)?#(\w+)(?:-\d+)?\)/g, "](#$1)");
}

const out = mkdtempSync(join(tmpdir(), "s3-file-uploader-docs-"));
try {
  await render(out);
  const sections = Object.entries(ENTRIES).map(
    ([entry, name]) => `## ${name}\n\n${place(readFileSync(join(out, `${entry}.md`), "utf8"))}`,
  );
  const page = [HEAD, ...sections].join("\n").replaceAll(/\n{3,}/g, "\n\n");
  writeFileSync(process.argv[2] ?? new URL("../../../docs/reference/client.md", import.meta.url), page);
} finally {
  rmSync(out, { recursive: true });
}
