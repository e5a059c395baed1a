// Opens pages in a browser at three widths, light and dark: takes their picture, runs axe-core, and fails where something
// leaves the screen, is fetched, or is a serious fault of accessibility. Started by check_pages.sh.
import { createRequire } from "node:module";
import { mkdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { pathToFileURL } from "node:url";

const { CHROMIUM, TOOLS, PICTURES } = process.env;
const require = createRequire(join(TOOLS, "package.json"));
const puppeteer = require("puppeteer-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const browser = await puppeteer.launch({
  executablePath: CHROMIUM,
  args: ["--no-sandbox", "--disable-gpu", "--hide-scrollbars"],
});
mkdirSync(join(PICTURES, "pictures"), { recursive: true });
let faults = 0;
const fault = (where, what) => {
  faults += 1;
  console.log(`${where}: ${what}`);
};

for (const path of process.argv.slice(2)) {
  for (const width of [390, 768, 1280]) {
    for (const scheme of ["light", "dark"]) {
      const where = `${basename(path)} at ${width}, ${scheme}`;
      const page = await browser.newPage();
      // The page's own policy forbids scripts, axe-core among them.
      await page.setBypassCSP(true);
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      const own = pathToFileURL(path).href;
      page.on("request", (request) => request.url() === own || fault(where, `fetches ${request.url()}`));
      page.on("pageerror", (error) => fault(where, error.message));
      await page.goto(own);
      const name = `${basename(path, ".html")}-${width}-${scheme}.png`;
      await page.screenshot({ path: join(PICTURES, "pictures", name), fullPage: true });
      // What opens on demand has to fit too.
      await page.evaluate(() => document.querySelectorAll("details").forEach((d) => (d.open = true)));
      const outside = await page.evaluate(() => {
        const found = [];
        if (document.documentElement.scrollWidth > innerWidth) {
          found.push(`the page is ${document.documentElement.scrollWidth} wide`);
        }
        for (const e of document.querySelectorAll("td, th, svg, dd, p, h1, h2, h3, pre, li")) {
          // What stands in a hidden head is for those who do not look.
          const head = e.closest("thead");
          if (head && getComputedStyle(head).position === "absolute") continue;
          const { right, left, width } = e.getBoundingClientRect();
          if (width > 1 && (right > innerWidth + 0.5 || left < -0.5)) {
            found.push(`<${e.localName}> ${e.textContent.slice(0, 40)} ends at ${Math.round(right)}`);
          }
        }
        // Text of a chart that its frame cuts off.
        for (const text of document.querySelectorAll("svg text")) {
          const frame = text.ownerSVGElement.getBoundingClientRect();
          const { right, left, width } = text.getBoundingClientRect();
          if (width > 0 && (right > frame.right + 1 || left < frame.left - 1)) {
            found.push(`in a chart: ${text.textContent.trim()} leaves it`);
          }
        }
        return found.slice(0, 5);
      });
      outside.forEach((what) => fault(where, what));
      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => globalThis.axe.run(document));
      for (const { id, impact, nodes, help } of violations) {
        const line = `${id} (${impact}): ${help}: ${nodes[0].html.slice(0, 120)}`;
        if (impact === "serious" || impact === "critical") fault(where, line);
        else console.log(`${where}: not serious: ${line}`);
      }
      await page.close();
    }
  }
}
await browser.close();
console.log(faults === 0 ? "no fault" : `${faults} faults`);
process.exit(faults === 0 ? 0 : 1);
