// The page: what is typed becomes a list of commands, an image is looked for through this proxy, texts are in two languages.
// Whatever a registry says is text, never markup.

import { inspect, measure } from "./inspect.js";
import { commands, locate, parse, references, sibling } from "./reference.js";
import { configurations } from "./snippets.js";
import { words } from "./words.js";

const $ = (id) => document.getElementById(id);
const site = JSON.parse($("site").textContent);
// The key, where there is one, stands in this page's own address and nowhere in its text.
site.path = location.pathname.replace(/\/$/, "");

/** What is remembered of a visitor, where the browser lets us. */
const recall = (name) => {
  try {
    return localStorage[name];
  } catch {
    return undefined;
  }
};
const remember = (name, value) => {
  try {
    localStorage[name] = value;
  } catch {
    // It is forgotten with the page.
  }
};

const make = (tag, properties, ...children) => {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
};

// What stands in the page itself is its English text.
for (const { dataset, textContent } of document.querySelectorAll("[data-t]")) words.en[dataset.t] = textContent;

const preferred = () => navigator.languages.map((tag) => tag.slice(0, 2)).find((tag) => words[tag]);
let language = words[recall("language")] ? recall("language") : (preferred() ?? "en");
let theme = recall("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
let t;

let quiet;

/** Tells those who do not see the page. What was still to be said is old by then. */
const announce = (text) => {
  clearTimeout(quiet);
  $("status").textContent = text;
};

const copy = async (text, button) => {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not over plain http, and not where the visitor forbids it.
    const area = make("textarea", { value: text, className: "away" });
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
    button.focus();
  }
  button.textContent = done ? t.copied : t.uncopied;
  announce(button.textContent);
  setTimeout(() => (button.textContent = button.id === "copy-all" ? t.copyAll : t.copy), 2000);
};

/** A button that copies; `of` is the id of what names it. */
const copyButton = (id, of, text) => {
  const button = make("button", { type: "button", id, textContent: t.copy, onclick: () => copy(text(), button) });
  button.setAttribute("aria-labelledby", `${id} ${of}`);
  return button;
};

/** What came of looking for an image, by its address here. */
const looked = new Map();

const few = 3;

/** Looks for an image; `all` measures every platform of one that was found. */
const look = async (image, all) => {
  let { found } = looked.get(image.key) ?? {};
  const show = (state, said) => {
    looked.set(image.key, { found, ...state });
    render();
    announce(said);
  };
  show({ pending: true }, t.checking);
  try {
    found = (all && found) || (await inspect(image));
    const open = found.parts.filter(({ bytes }) => bytes === undefined);
    const usual = open.filter(({ platform }) => platform === (image.platform || "linux/amd64"));
    await measure(image, all || open.length <= few ? open : usual);
    show({}, t.exists(image.title));
  } catch (error) {
    // An answer that was read as what it is not.
    show({ error: error instanceof Error ? { own: "unreadable" } : error }, t.fails(image.title));
  }
};

const size = (bytes) => {
  const step = bytes < 1e3 ? 0 : bytes < 1e6 ? 1 : bytes < 1e9 ? 2 : 3;
  const unit = ["byte", "kilobyte", "megabyte", "gigabyte"][step];
  return new Intl.NumberFormat(language, { style: "unit", unit, maximumFractionDigits: 1 }).format(bytes / 1e3 ** step);
};

const failure = ({ own, code, message, detail, ours, retry }, registry) => {
  if (own) return make("strong", { textContent: t[own] });
  const said = [message, detail].filter(Boolean).join(" – ");
  const who = [t.by(ours, registry), retry && t.retry(retry)].filter(Boolean).join("; ");
  return make("span", {}, make("strong", { textContent: code }), ` ${said} (${who})`);
};

/** What was found out, as it is shown. */
const result = (image, index) => {
  const { pending, found, error } = looked.get(image.key) ?? {};
  if (pending) return [make("p", { className: "quiet", textContent: t.checking })];
  if (!found && !error) return [];
  const list = make("dl");
  const line = (name, ...value) => list.append(make("dt", { textContent: name }), make("dd", {}, ...value));
  if (found) {
    const parts = found.parts.map(({ platform, bytes, layers }) =>
      make("li", { textContent: [platform, bytes !== undefined && `${size(bytes)}, ${t.layers(layers)}`].filter(Boolean).join(" – ") }),
    );
    line(t.digest, make("code", { textContent: found.digest }));
    line(t.kind, found.kind ?? "–");
    line(found.parts.some(({ platform }) => platform) ? t.platforms : t.size, make("ol", {}, ...parts));
    line(t.answered, t[found.cache] ?? "–");
  }
  if (error) line(t.error, failure(error, image.registry));
  if (error || found.parts.every(({ bytes }) => bytes !== undefined)) return [list];
  return [list, make("button", { type: "button", id: `sizes-${index}`, textContent: t.sizes, onclick: () => look(image, true) })];
};

/** The images of the text, each with where it is or what is wrong. */
const images = () =>
  references($("text").value)
    .slice(0, 100)
    .map(({ text, platform }) => {
      const image = locate(parse(text), site);
      if (image.problem) return { ...image, title: text };
      const [tag, digest] = [image.tag && `:${image.tag}`, image.digest && `@${image.digest}`];
      const title = [image.registry, "/", image.name, tag, digest].join("");
      return { ...image, path: site.path, title, platform, key: `${title} ${platform}` };
    });

const program = () => document.querySelector("[name=program]:checked").value;
const command = (image) => commands(image, site, image.platform)[program()];

const entry = (image, index) => {
  const title = make("h3", { id: `image-${index}`, textContent: image.title });
  if (image.problem) {
    return make("li", { className: "bad" }, title, make("p", { textContent: t.problem[image.problem](image) }));
  }
  const button = make("button", { type: "button", id: `check-${index}`, textContent: t.check, onclick: () => look(image) });
  button.setAttribute("aria-labelledby", `${button.id} ${title.id}`);
  const buttons = make("div", { className: "buttons" }, copyButton(`copy-${index}`, title.id, () => command(image)), button);
  const note = image.beside ? [make("p", { className: "quiet", textContent: t.beside(image) })] : [];
  return make("li", {}, title, make("pre", { textContent: command(image) }), ...note, buttons, ...result(image, index));
};

/** Shows the list anew. Whoever was on a button of it is on the same button again. */
const render = () => {
  const focused = document.activeElement?.id;
  const list = images();
  $("found").replaceChildren(...list.map(entry));
  const good = list.filter(({ problem }) => !problem);
  const all = make("button", { type: "button", id: "copy-all", textContent: t.copyAll });
  all.onclick = () => copy(good.map(command).join("\n"), all);
  $("all").replaceChildren(...(good.length > 1 ? [all] : []));
  if (focused && document.activeElement?.id !== focused) $(focused)?.focus();
  return list;
};

/** The configurations, each behind its client's name. */
const configure = () => {
  const opened = new Set([...document.querySelectorAll("details[open]")].map(({ id }) => id));
  const files = configurations(site).map(({ id, client, title, file, text, note }) => {
    const name = make("b", { id: `client-${id}`, textContent: client });
    const summary = make("summary", {}, name, " ", make("span", { lang: "en", textContent: title }));
    const body = make("div", { lang: "en" });
    if (file) body.append(make("p", {}, make("code", { textContent: file })));
    const buttons = make("div", { className: "buttons", lang: "" }, copyButton(`file-${id}`, name.id, () => text));
    body.append(make("pre", { id: `text-${id}`, textContent: text }), buttons);
    if (note) body.append(make("p", { className: "quiet", textContent: note }));
    return make("details", { id, open: opened.has(id) }, summary, body);
  });
  $("files").replaceChildren(...files);
};

/** The third column: where each registry's images are, on this host or beside it. */
const addresses = () => {
  const head = document.querySelector("thead tr");
  head.append(make("th", { scope: "col", textContent: t.address }));
  head.lastChild.dataset.t = "address";
  site.registries.forEach(({ name, labels }, index) => {
    const host = name === site.registry ? site.authority : sibling(site, labels);
    const address = site.gateway ? `${site.authority}${site.path}/${name}/` : host && `${host}${site.path}/`;
    $("rows").rows[index].append(make("td", {}, make("code", { textContent: address || "–" })));
  });
};

const translate = () => {
  t = words[language];
  document.documentElement.lang = language === "zh" ? "zh-Hans" : "en";
  for (const element of document.querySelectorAll("[data-t]")) element.textContent = t[element.dataset.t];
  Object.assign($("language"), { textContent: t.other, lang: language === "zh" ? "en" : "zh-Hans" });
  $("theme").textContent = theme === "dark" ? t.light : t.dark;
  document.documentElement.dataset.theme = theme;
  configure();
  render();
};

$("text").oninput = () => {
  const list = render();
  clearTimeout(quiet);
  const bad = list.filter(({ problem }) => problem).length;
  quiet = setTimeout(() => announce(list.length ? t.count(list.length - bad, bad) : ""), 800);
};
for (const choice of document.querySelectorAll("[name=program]")) {
  choice.checked = choice.value === (recall("program") ?? "docker");
  choice.onchange = () => {
    remember("program", program());
    render();
  };
}
if (!document.querySelector("[name=program]:checked")) document.querySelector("[name=program]").checked = true;
$("language").onclick = () => {
  language = language === "zh" ? "en" : "zh";
  remember("language", language);
  translate();
};
$("theme").onclick = () => {
  theme = theme === "dark" ? "light" : "dark";
  remember("theme", theme);
  translate();
};

t = words[language];
addresses();
translate();
for (const id of ["switches", "pull", "configure"]) $(id).hidden = false;
