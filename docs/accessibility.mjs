// Hold the built pages to WCAG 2.1 A and AA with axe, on a phone and a desk, light and dark:
// npm install --no-save axe-core puppeteer-core && node docs/accessibility.mjs docs/_build [index.html …]
import { readFileSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(path.join(process.cwd(), "here.js"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const WIDTHS = { phone: 390, desk: 1440 };
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"];
const NOT_OURS = ["genindex.html", "search.html", "py-modindex.html"];

const [folder = "docs/_build", ...asked] = process.argv.slice(2);
const all = readdirSync(folder, { recursive: true })
  .filter((name) => name.endsWith(".html") && !name.startsWith("_modules") && !NOT_OURS.includes(name))
  .sort();
const pages = asked.length ? asked : all;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--allow-file-access-from-files"],
});
let faults = 0;
for (const [device, width] of Object.entries(WIDTHS)) {
  for (const scheme of ["light", "dark"]) {
    const page = await browser.newPage();
    await page.setViewport({ width, height: 900 });
    await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
    for (const name of pages) {
      await page.goto(pathToFileURL(path.resolve(folder, name)).href, { timeout: 120_000 });
      await page.evaluate(axe);
      const { violations } = await page.evaluate((rules) => axe.run({ runOnly: rules }), RULES);
      const wider = await page.evaluate(
        () => document.documentElement.scrollWidth > document.documentElement.clientWidth,
      );
      for (const each of violations) {
        const where = each.nodes.map((node) => node.target.join(" ")).slice(0, 3).join(", ");
        console.log(`${name} (${device}, ${scheme}): ${each.id}: ${each.help}: ${each.nodes.length} × ${where}`);
      }
      if (wider) console.log(`${name} (${device}, ${scheme}): wider than the window`);
      faults += violations.length + wider;
    }
    await page.close();
  }
}
await browser.close();
console.log(`${pages.length} pages, ${faults} faults`);
process.exitCode = faults ? 1 : 0;
