/** Looks for what people with disabilities would stumble over, with axe-core. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

let source;

/**
 * Fails where the page has a serious or critical finding, in light or dark.
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
export async function isAccessible(page, name) {
  // The console's own dependency: this folder has none.
  source ??= await readFile(createRequire(new URL("../console/package.json", import.meta.url)).resolve("axe-core/axe.min.js"), "utf8");
  for (const [colorScheme, rules] of [["light", undefined], ["dark", ["color-contrast"]]]) {
    await page.emulateMedia({ colorScheme });
    if (!(await page.evaluate(() => "axe" in globalThis))) await page.evaluate(source);
    const found = await page.evaluate(async (only) => {
      // Colours on their way to others are no finding.
      await Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => undefined)));
      const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"], ...(only && { runOnly: { type: "rule", values: only } }) });
      return violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, help, nodes }) => `${id}: ${help}\n${nodes.map(({ html, failureSummary }) => `  ${html}\n  ${failureSummary}`).join("\n")}`);
    }, rules);
    assert.deepEqual(found, [], `${name}, ${colorScheme}`);
  }
}
