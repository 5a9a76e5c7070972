// The page of a proxy with a gate: nothing of it for strangers, and for those with a key everything below that key.

import assert from "node:assert/strict";
import { accessible, check, choose, facts, shows, text, texts, visit, write } from "./browser.mjs";

const origin = "http://mirror.example.com";

await shows({
  async "a stranger sees nothing of it"() {
    for (const path of ["/", "/0123456789abcdefghijklmnopqrstuw/"]) {
      const response = await fetch(`http://127.0.0.1:${facts.port}${path}`, { headers: { accept: "text/html" } });
      assert.equal(response.status, 404);
      assert.match(response.headers.get("content-type"), /^application\/json/);
      const body = await response.text();
      assert.ok(!/docker\.io|<html|registries/.test(body), body);
    }
  },

  async "whoever is let in sees all of it, and goes on as they came"() {
    const addresses = facts.key ? [`${origin}/${facts.key}/`, `${origin}/${facts.key}`] : [`${origin}/`];
    const path = facts.key ? `/${facts.key}` : "";
    const headers = facts.authorization ? { authorization: facts.authorization } : {};
    for (const address of addresses) {
      const page = await visit(address, { headers, refused: [401, 403, 404] });
      assert.equal(page.answer.status(), 200);
      if (facts.key) assert.ok(!(await page.answer.text()).includes(facts.key), "the key is in the address, and not in the page");
      await write(page, "nginx:1.27\nghcr.io/o/i\nalice/secret:1");
      for (const program of ["docker", "podman", "nerdctl", "crictl", "skopeo"]) {
        await choose(page, program);
        const commands = await texts(page, "#found pre");
        assert.ok(commands[0].includes(`mirror.example.com${path}/nginx:1.27`), commands[0]);
        assert.ok(commands[1].includes(`mirror.example.com${path}/ghcr.io/o/i`), commands[1]);
      }
      const shown = await check(page);
      assert.ok(shown.includes(facts.nginx.digest), shown);
      const denied = await check(page, 2);
      assert.match(denied, facts.key ? /UNAUTHORIZED .*requested access/ : /DENIED|UNAUTHORIZED/);
      for (const configuration of await page.$$eval("#files pre", (all) => all.map((one) => one.textContent))) {
        if (configuration.includes("mirror.example.com")) assert.ok(configuration.includes(`mirror.example.com${path}`), configuration);
      }
      assert.ok((await text(page, "tbody")).includes(`mirror.example.com${path}/ghcr.io/`));
      assert.equal((await page.$$("a[href], img, iframe, form")).length, 0, "nothing leads away");
      assert.ok(page.asked.length > 3);
      const astray = page.asked.filter((url) => !url.startsWith("data:") && !new URL(url).pathname.startsWith(path || "/"));
      assert.deepEqual(astray, []);
      await accessible(page, "behind the gate");
      await page.end();
    }
  },
});
