// Builds static/build from static/src: bundles the scripts and styles, and cuts one icon sprite.
//
// The names of the output are stable (Django's manifest storage adds the hashes), it needs no network, and it
// fails on an icon that does not exist, so that a typing mistake is found here and not by a reader of the page.
import { build } from "esbuild";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCE = path.join(ROOT, "static/src");
const OUTPUT = path.join(ROOT, "static/build");
const ICONS = path.join(ROOT, "node_modules/@tabler/icons/icons/outline");

const ENTRIES = ["app.js", "app.css", "patient.css"];
const COPIES = ["favicon.svg"];

// Where a literal icon name may stand: {% icon "send" %}, icon="send" and icon("send") in Python, "icon": "send".
const ICON_NAME = /(?:\bicon\s+|\bicon\s*=\s*|\bicon\(\s*|["']icon["']\s*:\s*)(?:"([a-z0-9-]+)"|'([a-z0-9-]+)')/g;
// In the navigation's tuples the icon stands behind the label: ("home", _("Home"), "home", ...).
const NAVIGATION = "marketing/home/context.py";
const NAVIGATION_ICON = /_\("[^"]*"\),\s*"([a-z0-9-]+)",/g;
const SCANNED = new Set([".html", ".js", ".py"]);
const NOT_SCANNED = new Set(["node_modules", "build", "var", "tests", "bench", "docs", "docker", "locale", "migrations"]);

/** Yields the path of every file below a folder that may name an icon. */
function* sources(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || NOT_SCANNED.has(entry.name)) continue;
    const full = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* sources(full);
    else if (entry.isFile() && SCANNED.has(path.extname(entry.name))) yield full;
  }
}

/** Returns a map from icon name to the first file that names it. */
function namedIcons() {
  const found = new Map();
  for (const file of sources(ROOT)) {
    const place = path.relative(ROOT, file);
    const text = fs.readFileSync(file, "utf8");
    const matches = [...text.matchAll(ICON_NAME)];
    if (place === NAVIGATION) matches.push(...text.matchAll(NAVIGATION_ICON));
    for (const match of matches) {
      const name = match[1] ?? match[2];
      if (!found.has(name)) found.set(name, place);
    }
  }
  return found;
}

/** Returns the drawing inside an icon's <svg>, without the wrapper and comments. */
function drawing(name) {
  return fs
    .readFileSync(path.join(ICONS, `${name}.svg`), "utf8")
    .replace(/<!--[\s\S]*?-->/g, "")
    .replace(/^[\s\S]*?<svg[^>]*>|<\/svg>\s*$/g, "")
    .replace(/\s+/g, " ")
    .trim();
}

/** Returns the sprite, or throws with every unknown icon and the file that names it. */
function sprite(icons) {
  const unknown = [...icons].filter(([name]) => !fs.existsSync(path.join(ICONS, `${name}.svg`)));
  if (unknown.length > 0) {
    const lines = unknown.map(([name, file]) => `  ${name} (named in ${file})`);
    throw new Error(`No such icon:\n${lines.join("\n")}\nSearch https://tabler.io/icons for its name.`);
  }
  const style = 'fill="none" stroke="currentColor" stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round"';
  const symbols = [...icons.keys()]
    .sort()
    .map((name) => `<symbol id="${name}" viewBox="0 0 24 24" ${style}>${drawing(name)}</symbol>`);
  return `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`;
}

async function main() {
  const icons = sprite(namedIcons());
  fs.rmSync(OUTPUT, { recursive: true, force: true });
  fs.mkdirSync(OUTPUT, { recursive: true });
  await build({
    entryPoints: ENTRIES.map((name) => ({ in: path.join(SOURCE, name), out: path.parse(name).name })),
    outdir: OUTPUT,
    absWorkingDir: ROOT,
    bundle: true,
    minify: true,
    format: "esm",
    target: ["es2022", "safari17", "chrome120", "firefox121"],
    loader: { ".woff2": "file" },
    assetNames: "fonts/[name]",
    logLevel: "warning",
  });
  fs.writeFileSync(path.join(OUTPUT, "icons.svg"), icons);
  for (const name of COPIES) fs.copyFileSync(path.join(SOURCE, name), path.join(OUTPUT, name));
}

try {
  await main();
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
