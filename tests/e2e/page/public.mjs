// The page of a proxy that lets everybody in, as visitors see and use it.

import assert from "node:assert/strict";
import { join } from "node:path";
import { configurations } from "../../../src/site/snippets.js";
import { accessible, background, check, choose, clipboard, facts, fits, shows, text, texts, visit, write } from "./browser.mjs";

const gateway = "http://mirror.example.com/";
const home = "http://docker.example.com/";
const programs = ["docker", "podman", "nerdctl", "crictl", "skopeo"];
const digest = `sha256:${"0a".repeat(32)}`;

/** The page's own words for a size in bytes, of which the test's are few. */
const size = (bytes) => (bytes < 1000 ? `${bytes} byte` : `${(bytes / 1000).toFixed(1).replace(".0", "")} kB`);

/** The commands for a text, of each program. */
async function commands(page, images) {
  await write(page, images);
  const all = {};
  for (const program of programs) {
    await choose(page, program);
    all[program] = await texts(page, "#found pre");
  }
  return all;
}

const forms = {
  "nginx": "nginx",
  "grafana/grafana:8.3.1": "grafana/grafana:8.3.1",
  "registry.k8s.io/pause:3.9": "registry.k8s.io/pause:3.9",
  [`ghcr.io/o/i@${digest}`]: `ghcr.io/o/i@${digest}`,
  "sudo docker pull -q nginx:1.27": "nginx:1.27",
  "  - image: 'quay.io/a/b:1' # the web": "quay.io/a/b:1",
  'image: "redis:7"': "redis:7",
};

await shows({
  async "every form of a reference gives each program's command, one by one and all at once"() {
    const page = await visit(gateway);
    const expected = (image) => ({
      docker: `docker pull mirror.example.com/${image}`,
      podman: `podman pull mirror.example.com/${image}`,
      nerdctl: `nerdctl pull mirror.example.com/${image}`,
      crictl: `crictl pull mirror.example.com/${image}`,
      skopeo: `skopeo copy docker://mirror.example.com/${image} oci:`,
    });
    const compare = (all, images) =>
      programs.forEach((program) =>
        images.forEach((image, at) => {
          const [shown, wanted] = [all[program][at], expected(image)[program]];
          assert.ok(program === "skopeo" ? shown.startsWith(wanted) : shown === wanted, `${shown} in place of ${wanted}`);
        }),
      );
    for (const [form, image] of Object.entries(forms)) compare(await commands(page, form), [image]);
    compare(await commands(page, Object.keys(forms).join("\n")), [
      "nginx", "grafana/grafana:8.3.1", "registry.k8s.io/pause:3.9", `ghcr.io/o/i@${digest}`, "nginx:1.27", "quay.io/a/b:1", "redis:7",
    ]);
    await page.end();
  },

  async "on a registry's host other registries are at the hosts beside it"() {
    const page = await visit(home);
    await write(page, "nginx:1.27\nghcr.io/o/i:1\nus.gcr.io/a/b\nregistry.example.org/x\nNginx");
    assert.deepEqual(await texts(page, "#found pre"), [
      "docker pull docker.example.com/nginx:1.27",
      "docker pull ghcr.example.com/o/i:1",
    ]);
    const notes = await texts(page, "#found p");
    assert.match(notes[0], /ghcr\.example\.com/);
    assert.match(notes[1], /This host is for docker\.io alone\. us\.gcr\.io needs another host/);
    assert.match(notes[2], /registry\.example\.org is not served here/);
    assert.match(notes[3], /capital letters/);
    await accessible(page, "commands and notes");
    await page.end();
  },

  async "plain http on this machine says so to those who ask"() {
    const page = await visit(`http://mirror.localhost:${facts.port}/`);
    const all = await commands(page, "nginx");
    assert.deepEqual(all.docker, [`docker pull mirror.localhost:${facts.port}/nginx`]);
    assert.deepEqual(all.podman, [`podman pull --tls-verify=false mirror.localhost:${facts.port}/nginx`]);
    await page.end();
  },

  async "a command is copied, with the browser's leave"() {
    const page = await visit(`http://mirror.localhost:${facts.port}/`);
    await write(page, "nginx\nredis");
    await page.click("#copy-1");
    await page.waitForFunction(() => document.querySelector("#status").textContent === "Copied");
    assert.equal(await clipboard(page), `docker pull mirror.localhost:${facts.port}/redis`);
    await page.click("#copy-all");
    await page.waitForFunction(() => document.querySelector("#copy-all").textContent === "Copied");
    assert.equal((await clipboard(page)).split("\n").length, 2);
    await page.end();
  },

  async "a command is copied without it"() {
    // Over plain http there is no `navigator.clipboard`; what was copied is pasted.
    const page = await visit(gateway);
    assert.equal(await page.evaluate(() => navigator.clipboard), undefined);
    await write(page, "nginx");
    await page.click("#copy-0");
    await page.waitForFunction(() => document.querySelector("#status").textContent === "Copied");
    assert.equal(await page.evaluate(() => document.activeElement.id), "copy-0");
    await write(page, "");
    await page.focus("#text");
    await page.keyboard.down("Control");
    await page.keyboard.press("v", { commands: ["Paste"] });
    await page.keyboard.up("Control");
    assert.equal(await page.$eval("#text", ({ value }) => value), "docker pull mirror.example.com/nginx");
    // Pasted back, it is the same image.
    assert.deepEqual(await texts(page, "#found pre"), ["docker pull mirror.example.com/nginx"]);
    await page.end();
  },

  async "an image is looked for: digest, platforms, sizes, and who answered"() {
    for (const address of [gateway, home]) {
      const page = await visit(address);
      await write(page, "nginx:1.27\nplain:1");
      const shown = await check(page);
      assert.ok(shown.includes(facts.nginx.digest), shown);
      facts.nginx.sizes.forEach((bytes, at) => {
        assert.ok(shown.includes(`linux/${["amd64", "arm64"][at]} – ${size(bytes)}, 3 layers`), shown);
      });
      assert.match(shown, address === gateway ? /miss: fetched from the registry/ : /(miss|hit): /);
      assert.match(await text(page, "#status"), /docker\.io\/library\/nginx:1\.27 is there/);
      // The second time nobody is asked.
      await page.reload();
      await write(page, "nginx:1.27\nplain:1");
      assert.match(await check(page), /hit: from what this proxy keeps/);
      const plain = await check(page, 1);
      assert.ok(plain.includes(facts.plain.digest) && plain.includes(`${facts.plain.platform} – ${size(facts.plain.size)}, 1 layer`), plain);
      assert.ok(!plain.includes("layers"), plain);
      await accessible(page, "an image that was found");
      await page.end();
    }
  },

  async "of many platforms those that matter are measured, the others when asked for"() {
    for (const address of [gateway, home]) {
      const page = await visit(address);
      await write(page, "quay.io/many/platforms:1");
      const shown = await check(page);
      assert.equal(shown.match(/layers/g)?.length, 1, shown);
      assert.match(shown, /linux\/arm\/v7[^]*linux\/amd64 – 3\.5 MB, 2 layers/);
      assert.match(shown, /windows\/amd64 10\.0\.1/);
      assert.ok(!shown.includes("unknown"), "attestations are no platform");
      await page.click("#sizes-0");
      await page.waitForFunction(() => !document.querySelector("#sizes-0") && document.querySelector("#found dl"));
      assert.equal((await text(page, "#found")).match(/layers/g).length, 5);
      await page.end();
    }
  },

  async "what is not there, or not for everybody, is said in the registry's words"() {
    const page = await visit(gateway, { refused: [401, 404] });
    await write(page, "nginx:no-such-tag\nalice/secret:1");
    assert.match(await check(page), /MANIFEST_UNKNOWN .*docker\.io/);
    assert.match(await check(page, 1), /UNAUTHORIZED `docker\.io` wants a login .*\(requested access to the resource is denied\) \(says docker\.io\)/);
    assert.match(await text(page, "#status"), /alice\/secret:1: error/);
    await new Promise((resolve) => setTimeout(resolve, 1000)); // what writing had still to say would be said by now
    assert.match(await text(page, "#status"), /alice\/secret:1: error/);
    await accessible(page, "errors");
    await page.end();
  },

  async "what a hostile registry says is text"() {
    const page = await visit(gateway, { refused: [404, 418] });
    await write(page, "quay.io/evil/message:1\nquay.io/evil/page:1\nquay.io/evil/platform:1\nquay.io/evil/shape:1");
    assert.match(await check(page), /<img src=x onerror="pwned=1"><script>pwned=1<\/script>/);
    assert.match(await check(page, 1), /`quay\.io` answered 418/);
    assert.match(await check(page, 2), /<img src=x onerror=pwned=1>\/<b>/);
    await page.click("#sizes-2");
    await page.waitForFunction(() => document.querySelector("#found > li:nth-child(3) strong"));
    assert.match(await text(page, "#found > li:nth-child(3)"), /onerror[^]*no manifest that this page can read/);
    assert.match(await check(page, 3), /no manifest that this page can read/);
    assert.equal(page.asked.filter((url) => /pwned|img/.test(url)).length, 0);
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
    assert.equal((await page.$$("#found img, #found script, #found b")).length, 0);
    await page.end();
  },

  async "names in the box are text too"() {
    const page = await visit(gateway);
    await write(page, '<img/src=x/onerror="pwned=1">\n"><script>pwned=1</script>');
    assert.equal((await page.$$("#found img, #found script")).length, 0);
    assert.equal(await page.evaluate(() => globalThis.pwned), undefined);
    await page.end();
  },

  async "a proxy that cannot be reached is said to be so"() {
    const page = await visit(gateway, { refused: [] });
    await write(page, "nginx:1.27");
    await page.evaluate(() => (globalThis.fetch = async () => Promise.reject(new TypeError("NetworkError when attempting to fetch resource."))));
    assert.match(await check(page), /This proxy cannot be reached/);
    await page.end();
  },

  async "each client's configuration is the one source's, for this host"() {
    for (const address of [gateway, home, `http://mirror.localhost:${facts.port}/`]) {
      const page = await visit(address);
      const { host: authority } = new URL(address);
      const site = await page.$eval("#site", (element) => JSON.parse(element.textContent));
      assert.equal(site.authority, authority);
      assert.equal(site.secure, !authority.includes("localhost"));
      assert.equal(site.gateway, !authority.startsWith("docker."));
      for (const { id, text: wanted, file } of configurations({ ...site, path: "" })) {
        await page.click(`#${id} summary`);
        assert.equal(await page.$eval(`#text-${id}`, (element) => element.textContent), wanted, id);
        if (file) assert.ok((await text(page, `#${id}`)).includes(file), file);
      }
      assert.equal((await page.$$("details")).length, 6);
      await accessible(page, "configurations");
      await page.end();
    }
  },

  async "every registry is listed with its labels and its address here"() {
    const rows = async (address) => {
      const page = await visit(address);
      const rows = await texts(page, "tbody tr");
      await page.end();
      return rows.map((row) => row.trim().split(/\s+/).join(" "));
    };
    const [of, beside] = [await rows(gateway), await rows(home)];
    assert.equal(of.length, 22);
    assert.ok(of.includes("docker.io docker hub mirror.example.com/docker.io/"), of.join("\n"));
    assert.ok(of.includes("ghcr.io ghcr mirror.example.com/ghcr.io/"), of.join("\n"));
    assert.ok(beside.includes("docker.io docker hub docker.example.com/"), beside.join("\n"));
    assert.ok(beside.includes("ghcr.io ghcr ghcr.example.com/"), beside.join("\n"));
    assert.ok(beside.includes("us.gcr.io –"), beside.join("\n"));
  },

  async "both languages, by the browser's choice and by the visitor's"() {
    for (const [language, first] of [["en-US", "en"], ["fr-FR", "en"], ["de,zh-TW;q=0.8,en;q=0.5", "zh-Hans"], ["zh-CN,zh", "zh-Hans"], ["en,zh", "en"]]) {
      const page = await visit(gateway, { language });
      assert.equal(await page.evaluate(() => document.documentElement.lang), first, language);
      await page.end();
    }
    const page = await visit(gateway, { language: "zh-CN" });
    await write(page, "nginx:1.27\nfoo.example.org/x");
    await check(page);
    const visible = await text(page, "main");
    assert.match(visible, /镜像[^]*拉取[^]*一次配置[^]*镜像仓库/);
    assert.match(visible, /此代理不提供 foo\.example\.org/);
    assert.match(visible, /来自此代理的缓存/);
    assert.equal((await texts(page, "[data-t], #found button")).filter((said) => !/[\u4e00-\u9fff]/.test(said)).join(), "");
    await accessible(page, "Chinese");
    await page.click("#language");
    assert.match(await text(page, "main"), /Images through[^]*hit: from what this proxy keeps[^]*is not served here/);
    assert.ok(!/[\u4e00-\u9fff]/.test(await text(page, "main")));
    // It is remembered.
    await page.reload();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    await page.end();
  },

  async "both themes, by the browser's choice and by the visitor's"() {
    const [light, dark] = ["rgb(248, 245, 238)", "rgb(25, 24, 21)"];
    for (const [isDark, first, other] of [[false, light, dark], [true, dark, light]]) {
      const page = await visit(gateway, { dark: isDark, refused: [404] });
      await write(page, "nginx:1.27\nfoo.example.org/x\nnginx:no-such-tag");
      await check(page);
      await check(page, 2);
      await page.$$eval("details", (all) => all.forEach((one) => (one.open = true)));
      assert.equal(await background(page), first);
      await accessible(page, first);
      await page.click("#theme");
      assert.equal(await background(page), other);
      await accessible(page, other);
      await page.reload();
      assert.equal(await background(page), other, "it is remembered");
      await page.end();
    }
  },

  async "a phone shows it all without scrolling sideways"() {
    for (const language of ["en-US", "zh-CN"]) {
      for (const address of [gateway, home, `http://mirror.localhost:${facts.port}/`]) {
        const page = await visit(address, { language, width: 360 });
        await fits(page, "at first");
        await write(page, `nginx:1.27\nghcr.io/a-rather-long-owner/an-image-with-a-rather-long-name@${digest}\nfoo.example.org/x`);
        await check(page);
        for (const program of programs) {
          await choose(page, program);
          await fits(page, program);
        }
        await page.$$eval("details", (all) => all.forEach((one) => (one.open = true)));
        await fits(page, "everything open");
        await accessible(page, "on a phone");
        await page.end();
      }
    }
  },

  async "the keyboard is enough"() {
    const page = await visit(gateway);
    const here = () => page.evaluate(() => document.activeElement.id || document.activeElement.value || document.activeElement.tagName);
    const next = async () => {
      await page.keyboard.press("Tab");
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, "none", `one sees where one is: ${await here()}`);
      return here();
    };
    assert.equal(await next(), "language");
    assert.equal(await next(), "theme");
    assert.equal(await next(), "text");
    await page.keyboard.type("nginx:1.27");
    assert.equal(await next(), "docker");
    await page.keyboard.press("ArrowRight");
    assert.deepEqual(await texts(page, "#found pre"), ["podman pull mirror.example.com/nginx:1.27"]);
    assert.equal(await next(), "copy-0");
    await page.keyboard.press("Enter");
    await page.waitForFunction(() => document.querySelector("#status").textContent === "Copied");
    assert.equal(await next(), "check-0");
    await page.keyboard.press("Space");
    await page.waitForSelector("#found dl");
    assert.equal(await here(), "check-0", "who has pressed it is still there");
    assert.equal(await next(), "SUMMARY");
    await page.keyboard.press("Enter");
    assert.equal(await next(), "file-docker");
    await page.end();
  },

  async "a program is remembered, whatever the browser kept"() {
    const page = await visit(gateway);
    await write(page, "nginx");
    await choose(page, "crictl");
    await page.reload();
    await write(page, "nginx");
    assert.deepEqual(await texts(page, "#found pre"), ["crictl pull mirror.example.com/nginx"]);
    await page.evaluate(() => Object.assign(localStorage, { program: "rm", language: "constructor", theme: "<b>" }));
    await page.reload();
    await write(page, "nginx");
    assert.deepEqual(await texts(page, "#found pre"), ["docker pull mirror.example.com/nginx"]);
    await page.end();
  },

  async "a browser that keeps nothing does as well"() {
    const page = await visit(gateway, {
      before: () => Object.defineProperty(globalThis, "localStorage", { get: () => { throw new DOMException("no", "SecurityError"); } }),
    });
    await page.click("#theme");
    await page.click("#language");
    await write(page, "nginx");
    assert.deepEqual(await texts(page, "#found pre"), ["docker pull mirror.example.com/nginx"]);
    await page.end();
  },

  async "without a script it is right, in English, and shows no box that does nothing"() {
    const page = await visit(gateway, { script: false, language: "zh-CN" });
    const shown = await page.$eval("body", (element) => element.innerText);
    assert.match(shown, /Images through mirror\.example\.com/);
    assert.match(shown, /docker pull mirror\.example\.com\/ghcr\.io\/owner\/image/);
    assert.match(shown, /registry\.k8s\.io\s+k8s/);
    assert.ok(!(await page.$eval("#pull", (element) => element.checkVisibility())));
    assert.ok(!(await page.$eval("#switches", (element) => element.checkVisibility())));
    assert.equal(await page.evaluate(() => document.documentElement.lang), "en");
    await page.end();
  },

  async "at first nothing is amiss, and one request is made"() {
    const page = await visit(gateway);
    await accessible(page, "at first");
    assert.deepEqual(page.asked.filter((url) => !url.startsWith("data:")), [gateway]);
    await page.end();
  },

  async "what would be amiss is noticed, and what the policy forbids does not happen"() {
    const offences = [
      [/style-src/, () => document.body.setAttribute("style", "color: red")],
      [/script-src|trusted-types/i, () => document.body.append(Object.assign(document.createElement("script"), { src: "/x.js" }))],
      [/require-trusted-types-for/, () => (document.body.innerHTML = "<b>x</b>")],
      [/connect-src|other\.example\.com/, () => fetch("http://other.example.com/x").catch(() => {})],
      [/img-src/, () => document.body.append(Object.assign(new Image(), { src: "/x.png" }))],
      [/frame-src|default-src/, () => document.body.append(Object.assign(document.createElement("iframe"), { src: "/healthz" }))],
      [/error: .*thrown/, () => setTimeout(() => { throw new Error("thrown"); })],
    ];
    for (const [noticed, offend] of offences) {
      const page = await visit(gateway);
      await page.evaluate(offend).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 300));
      await assert.rejects(page.end(), ({ message }) => noticed.test(message) || assert.fail(`${noticed} is not in ${message}`));
    }
  },

  async "pictures, where they are asked for"() {
    if (!facts.pictures) return;
    const pictures = [
      ["page-light.png", { width: 1000 }, "nginx:1.27\ndocker pull --platform linux/arm64 ghcr.io/owner/image:2\nregistry.example.org/x", "configure"],
      ["page-dark-zh.png", { width: 1000, dark: true, language: "zh-CN" }, "nginx:1.27\n- image: 'registry.k8s.io/pause:3.9'", "podman"],
      ["page-phone.png", { width: 360 }, "nginx:1.27", "configure"],
    ];
    for (const [name, options, images, end] of pictures) {
      const page = await visit(gateway, options);
      await write(page, images);
      await page.$eval("#text", (element) => (element.rows = element.value.split("\n").length));
      await check(page);
      await page.$eval("#containerd", (element) => (element.open = true));
      await page.mouse.move(0, 0);
      await page.evaluate(() => document.activeElement.blur());
      const height = await page.$eval(`#${end}`, (element) => Math.floor(element.getBoundingClientRect().top + scrollY));
      await page.screenshot({ path: join(facts.pictures, name), captureBeyondViewport: true, clip: { x: 0, y: 0, width: options.width, height } });
      await page.end();
    }
  },
});
