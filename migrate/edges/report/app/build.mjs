// Build the bundle: `node build.mjs` writes it, `node build.mjs --check` says whether it is what the sources give.

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, "..", "bundle");
const options = { bundle: true, write: false, minify: true, target: ["chrome110", "firefox115", "safari16.4"], legalComments: "none", charset: "ascii" };

const program = await build({
  ...options,
  entryPoints: [join(here, "src", "main.tsx")],
  format: "iife",
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  absWorkingDir: here,
});
const styles = await build({ ...options, entryPoints: [join(here, "src", "app.css")] });

const packages = new Set(
  Object.values(program.metafile.outputs)
    .flatMap((output) => Object.entries(output.inputs).filter(([, use]) => use.bytesInOutput > 0).map(([input]) => input))
    .map((input) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(input)?.[1])
    .filter(Boolean),
);

function notices() {
  const parts = [...packages].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    const file = readdirSync(folder).find((one) => /^licen[cs]e/i.test(one));
    return `${name} ${version} (${license})\n\n${readFileSync(join(folder, file), "utf8").trim()}\n`;
  });
  return `The report's page contains these libraries, under their own licenses.\n\n${parts.join(`\n${"-".repeat(80)}\n\n`)}`;
}

function digestOfSources() {
  const names = ["build.mjs", "package.json", "package-lock.json", "tsconfig.json", ...sourcesUnder("src")].sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(`${name}\0`).update(readFileSync(join(here, name))).update("\0");
  return `${hash.digest("hex")}\n`;
}

function sourcesUnder(folder) {
  return readdirSync(join(here, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? sourcesUnder(path) : [relative(here, join(here, path)).split("\\").join("/")];
  });
}

const text = program.outputFiles[0].text.trimEnd();
if (/<\/script|<!--/i.test(text)) throw new Error("the program holds what would end its script element");
const files = {
  "app.js": text,
  "app.css": styles.outputFiles[0].text.trimEnd(),
  "THIRD-PARTY-NOTICES.txt": notices(),
  "sources.sha256": digestOfSources(),
};

if (process.argv.includes("--check")) {
  const stale = Object.entries(files).filter(([name, content]) => readFileSync(join(out, name), "utf8") !== content);
  for (const [name] of stale) console.error(`bundle/${name} is not what its sources build: nox -s report_app`);
  process.exitCode = stale.length ? 1 : 0;
} else {
  for (const [name, content] of Object.entries(files)) writeFileSync(join(out, name), content);
  console.log(Object.entries(files).map(([name, content]) => `${name} ${content.length}`).join("\n"));
}
