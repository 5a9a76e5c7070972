// A headless Chromium for the page's tests, in which nothing goes unnoticed: an error on the console, a violation of the page's
// policy, a request to another host.

import assert from "node:assert/strict";
import axe from "axe-core";
import puppeteer from "puppeteer-core";

/** What the test is told: one argument, JSON. */
export const facts = JSON.parse(process.argv[2]);

const browser = await puppeteer.launch({
  executablePath: facts.chromium,
  // It ends with this program, whatever becomes of it.
  pipe: true,
  args: [
    "--no-sandbox",
    "--force-color-profile=srgb",
    `--host-resolver-rules=MAP *.example.com 127.0.0.1:${facts.port}, MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND`,
    // An address that is not found over http is not to be tried over https.
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable",
  ],
});

/** Runs tests one after the other; the first that fails is named. */
export async function shows(tests) {
  for (const [property, test] of Object.entries(tests)) {
    try {
      await test();
    } catch (error) {
      console.error(`NOT SHOWN: ${property}`);
      console.error(error);
      await browser.close();
      process.exit(1);
    }
    console.log(`shown: ${property}`);
  }
  await browser.close();
}

/** A page of its own at `address`, for a visitor as described. `close` ends it and fails if anything was amiss. */
export async function visit(address, { language = "en-US", dark = false, width = 1000, script = true, headers = {}, refused = [], before } = {}) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  const amiss = [];
  const asked = [];
  page.on("pageerror", (error) => amiss.push(`error: ${error}`));
  page.on("console", (message) => {
    const { url = "" } = message.location();
    // The browser reports each refusal of the proxy's; a test says which it expects.
    const expected = refused.some((status) => message.text().includes(`status of ${status} `)) && /\/(v2|token)\//.test(url);
    if (["error", "warn"].includes(message.type()) && !expected) amiss.push(`${message.text()} (${url})`);
  });
  page.on("request", (request) => asked.push(request.url()));
  const session = await page.createCDPSession();
  await session.send("Emulation.setUserAgentOverride", { userAgent: await browser.userAgent(), acceptLanguage: language });
  await page.setExtraHTTPHeaders(headers);
  await page.setViewport({ width, height: 760, isMobile: width < 500, hasTouch: width < 500 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
  await page.setJavaScriptEnabled(script);
  if (script) {
    await page.evaluateOnNewDocument(() => {
      addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
        console.error(`violates the policy: ${violatedDirective} ${blockedURI}`),
      );
    });
    if (before) await page.evaluateOnNewDocument(before);
  }
  const { origin, hostname } = new URL(address);
  // Only there may a page over plain http have the clipboard at all.
  if (hostname.endsWith(".localhost")) await context.overridePermissions(origin, ["clipboard-read", "clipboard-sanitized-write"]);
  const answer = await page.goto(address);
  return Object.assign(page, {
    answer,
    asked,
    async end() {
      await context.close();
      assert.deepEqual(amiss, []);
      const elsewhere = asked.filter((url) => new URL(url).origin !== origin && !url.startsWith("data:"));
      assert.deepEqual(elsewhere, [], "other hosts were asked");
    },
  });
}

/** What a part of the page shows, "" where there is none. */
export const text = (page, selector) => page.$eval(selector, (element) => element.innerText).catch(() => "");

export const texts = (page, selector) => page.$$eval(selector, (elements) => elements.map((element) => element.innerText));

/** Writes a text into the box, in place of what is there. */
export async function write(page, images) {
  await page.$eval("#text", (element, images) => {
    element.value = images;
    element.dispatchEvent(new Event("input"));
  }, images);
}

export async function choose(page, program) {
  await page.click(`[value=${program}]`);
}

/** Presses the button that looks for the image, and waits for what it finds. */
export async function check(page, index = 0) {
  await page.click(`#check-${index}`);
  await page.waitForFunction((index) => document.querySelectorAll("#found > li")[index].querySelector("dl, strong"), {}, index);
  return text(page, `#found > li:nth-child(${index + 1})`);
}

/** Nothing that would keep somebody from using the page, by axe-core. */
export async function accessible(page, state) {
  await page.evaluate(axe.source);
  const violations = await page.evaluate(async () => {
    const { violations } = await globalThis.axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, impact, nodes }) => `${impact} ${id}: ${nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`);
  });
  assert.deepEqual(violations.filter((violation) => /^(serious|critical)/.test(violation)), [], state);
}

/** The page is no wider than its window. */
export async function fits(page, state) {
  const [wide, window] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  assert.ok(wide <= window, `${state}: ${wide} px in a window of ${window} px`);
}

export const background = (page) => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

export const clipboard = (page) => page.evaluate(() => navigator.clipboard.readText());
