// What can be wrong: at which hop, what it is, and what to do. One sentence each.

/** What is wrong, as far as a question could tell: a `kind` of the table, and the facts that its words need. */
export class Fault extends Error {
  constructor(kind, facts = {}) {
    super(kind);
    this.kind = kind;
    this.facts = facts;
  }
}

const later = "try again later, for it is not yours to mend; the registry's status page tells more";
const between = "look for what stands before the Worker (a proxy, a firewall, another server of that name), or ask from another network";
const compressing = "switch off whatever compresses or rewrites answers before they come here";
const newDomain =
  "Cloudflare's certificate covers one label below the zone (`docker.example.com`, not `docker.mirror.example.com`), and takes minutes " +
  "where the domain is new";
const trust =
  "if it is yours or your network's, have each client trust it (NODE_EXTRA_CA_CERTS; docker: /etc/docker/certs.d); if not, " +
  "somebody reads along";
const settings = "`npx wrangler tail` tells what is wrong with its value; mend it and deploy";

const clock = () => `this machine's clock says ${new Date().toISOString().slice(0, 16)}Z`;
const parts = ({ got, of }) => `${got} of ${of ?? "unknown"} bytes`;
const message = ({ message }) => message;

/** What is asked of an upstream, if the Worker does not have it. */
const upstream = ["head", "manifest", "platform", "config", "blob"];

/** By hop; what is wrong and what to do, as texts or of the facts. */
const table = {
  "DNS": {
    "no-address": [
      ({ host }) => `\`${host}\` has no address`,
      "mend its spelling, or give the Worker that domain (docs/deploy.md, step 3)",
    ],
    "no-name-server": [({ host }) => `this machine's name server does not answer for \`${host}\``, "mend this machine's network"],
    "nowhere": [
      ({ host, address }) => `\`${host}\` is \`${address}\` here, which is nowhere`,
      "somebody filters that name: ask another name server, or use another domain",
    ],
  },
  "network": {
    "refused": [
      ({ host, port }) => `nobody listens at \`${host}\`, port ${port}`,
      "mend the port, or start what should listen there (`npm start`)",
    ],
    "unreachable": [
      ({ host, port }) => `\`${host}\`, port ${port}, cannot be reached`,
      "ask from another network; where one blocks workers.dev, use a domain of your own",
    ],
    "silent": [
      ({ host, seconds }) => `\`${host}\` took the question and said nothing for ${seconds} s`,
      ({ question }) =>
        upstream.includes(question)
          ? "it may wait for the registry, 20 s for each host that it asks: ask again with `--limit 120`, and see for whom with " +
            "`npx wrangler tail`"
          : "see with `npx wrangler tail` whether it came to the Worker: if not, something before it holds it",
    ],
    "hung-up": [({ host }) => `\`${host}\` ended the connection without an answer`, between],
    "no-http": [({ host, why }) => `\`${host}\` answers something that is no HTTP (${why})`, "mend the port, or the scheme"],
    "broken": [({ host, why }) => `\`${host}\` could not be asked (${why})`, between],
    "slow": [
      (facts) => `\`${facts.host}\` sends, but too slowly: ${parts(facts)} in ${facts.seconds} s`,
      "it is alive: ask from another network, or give it longer (`--limit`)",
    ],
    "stalled": [
      (facts) => `the answer of \`${facts.host}\` stalled after ${parts(facts)}`,
      "try again; if it stalls again, the registry's storage or something between holds it: ask from another network",
    ],
    "cut": [
      (facts) => `the answer of \`${facts.host}\` broke off after ${parts(facts)}`,
      "try again; if it breaks off again, the registry's storage or something between cuts it: ask from another network",
    ],
  },
  "TLS": {
    "no-tls": [
      ({ host, port }) => `\`${host}\` speaks no TLS on port ${port}`,
      "mend the port; only this machine's own names are asked by plain http (`http://localhost:8787`)",
    ],
    "no-handshake": [
      ({ host, port }) => `\`${host}\`, port ${port}, breaks off the handshake`,
      `${newDomain}; or the network blocks that name`,
    ],
    "other-name": [({ host, names }) => `the certificate is for ${names}, not for \`${host}\``, newDomain],
    "expired": [({ host, until }) => `the certificate of \`${host}\` ended on ${until} (${clock()})`, "renew it, or mend that clock"],
    "not-yet": [({ host, from }) => `the certificate of \`${host}\` begins on ${from} (${clock()})`, "mend that clock"],
    "self-signed": [({ host }) => `the certificate of \`${host}\` is signed by itself`, trust],
    "untrusted": [
      ({ host, issuer, why }) => `the certificate of \`${host}\` is of ${issuer}, whom this machine does not trust (${why})`,
      trust,
    ],
  },
  "Cloudflare": {
    "cloudflare": [({ code, what }) => `error ${code}${what && `, ${what}`}`, ({ cure }) => cure],
    "bot-check": [
      ({ host }) => `a bot check stands before \`${host}\`, which no registry client can pass`,
      "switch Bot Fight Mode and challenges off for the zone",
    ],
  },
  "not pierhead": {
    "not-pierhead": [
      ({ host, what }) => `\`${host}\` answers as something else: ${what}`,
      "deploy the Worker to that name (docs/deploy.md), or look for what answers in its place: a login page of the network, " +
        "another site, a new domain's first minutes",
    ],
    "other-proxy": [
      ({ host, to }) => `\`${host}\` is another registry or proxy${to ? `, which sends clients to \`${to}\` for tokens` : ""}`,
      "deploy the Worker to that name (docs/deploy.md), or mend the name",
    ],
    "led-away": [
      ({ host, where }) => `\`${host}\` leads to \`${where}\``,
      "log in to the network if that is its login page; else take the redirect rule off the zone",
    ],
    "not-proxied": [
      ({ host, to }) => `\`${host}\` sends clients to \`${to}\` for blobs, and \`blobs = "redirect"\` is not set`,
      "that is another proxy, or something before the Worker: mend the name, or have that let requests through",
    ],
  },
  "in between": {
    "between": [({ host, what }) => `something before \`${host}\` answers in its place: ${what}`, between],
    "authorization-lost": [
      ({ host }) => `\`${host}\` gave a token and then did not see it (401)`,
      "something takes the header Authorization out of requests: have it let that through",
    ],
    "loop": [
      ({ host, status }) => `\`${host}\` gave a token and then answers ${status} to it`,
      "whoever gives the token and whoever is asked with it are not the same, or the header Authorization is lost on the way: " +
        "mend what stands there",
    ],
    "no-challenge": [({ host }) => `\`${host}\` answers 401 without saying where tokens are (no WWW-Authenticate)`, between],
    "no-realm": [({ challenge }) => `a challenge names no address for tokens: “${challenge}”`, between],
    "realm-elsewhere": [
      ({ host, to }) => `\`${host}\` sends clients to \`${to}\` for tokens and not to itself`,
      "that is another proxy, or one before the Worker that changes the host: have requests come with the name that clients use",
    ],
    "realm-scheme": [
      ({ realm, origin }) => `the address for tokens is \`${realm}\`, though clients ask \`${origin}\``,
      "have whatever ends TLS before the Worker tell it the host and scheme that clients use",
    ],
    "no-json": [({ host, what }) => `\`${host}\` sends no JSON as token but ${what} (docker: \`invalid character '<'\`)`, between],
    "no-token": [({ host }) => `\`${host}\` sends JSON without a token`, between],
    "no-head": [
      ({ host, status }) => `HEAD of the manifest is ${status} at \`${host}\`, though GET is answered`,
      "have whatever stands before the Worker let HEAD through: docker and containerd begin with it",
    ],
    "no-type": [({ host, type }) => `the manifest comes from \`${host}\` as \`${type}\``, between],
    "no-length": [
      ({ host }) => `HEAD of the manifest has no Content-Length at \`${host}\` (docker: \`missing or empty Content-Length header\`)`,
      compressing,
    ],
    "other-length": [({ said, size }) => `HEAD of the manifest says ${said} bytes, and the manifest has ${size}`, compressing],
    "no-digest": [
      ({ host }) => `the manifest comes from \`${host}\` without Docker-Content-Digest`,
      "have whatever stands before the Worker let that header through",
    ],
    "other-range": [({ said, expected }) => `a part of a blob comes as \`${said}\` in place of \`${expected}\``, between],
  },
  "configuration": {
    "misconfigured": [({ host, setting }) => `\`${host}\` cannot read its setting \`${setting}\``, settings],
    "account-refused": [message, "make a new access token there, and `npx wrangler secret put CREDENTIALS`"],
  },
  "gate": {
    "login-missing": [
      ({ host }) => `\`${host}\` wants a user's login`,
      "set PIERHEAD_LOGIN=user:token here, and `docker login` with the same; `npm run user` makes a token",
    ],
    "login-wrong": [
      ({ host }) => `\`${host}\` does not know the user or token of PIERHEAD_LOGIN`,
      "they are this proxy's own, not a registry's: make a token with `npm run user`, and put USERS again",
    ],
    "key-missing": [({ host }) => `\`${host}\` wants a key`, "set PIERHEAD_KEY here; clients have it in the address (`/<key>`)"],
    "key-wrong": [
      ({ host }) => `\`${host}\` does not know this key`,
      'compare it with the secret PATH_SECRET; without `ACCESS = "path"` there is none',
    ],
    "token-refused": [
      ({ host, message }) => `\`${host}\` gave a token and then refused it: ${message}`,
      "deploy once more: whoever gives tokens and whoever takes them have not the same SIGNING_KEYS, or not the same clock",
    ],
  },
  "rules": {
    "rule": [message, "that is the operator's RULES or LIMITS: change them, or pull what they let through"],
    "limiter": [message, "wait a minute, or raise the limit of the binding LIMITER"],
    "unserved": [message, "mend the registry's name, or add it to REGISTRIES"],
  },
  "image": {
    "absent": [({ image, message }) => `${image} is not there: ${message}`, "mend its name or tag; the proxy is well"],
    "private": [
      ({ image, message }) => `${image} is not given to whoever asks here: ${message}`,
      'mend its name, or log in (PIERHEAD_LOGIN where `ACCESS` is "public", else the operator\'s CREDENTIALS); the proxy is well',
    ],
    "no-manifest": [({ image, why }) => `${image} has a manifest that cannot be read: ${why}`, "mend the image, or name another"],
  },
  "registry": {
    "registry": [message, later],
    "basic": [
      ({ registry }) => `${registry} wants a login from everybody`,
      "set PIERHEAD_LOGIN to one of its, or have the operator set CREDENTIALS",
    ],
    "login-refused": [
      ({ registry, message }) => `${registry} refuses the login of PIERHEAD_LOGIN: ${message}`,
      "mend it: this proxy has no users of its own, so it is the registry's",
    ],
    "limited": [message, ({ after }) => `wait${after ? ` ${after} s` : ""}, log in, or have the operator set CREDENTIALS`],
    "untrue": [message, "try again later, for it is not yours to mend, unless the registry is"],
    "lost": [
      ({ registry, message }) => `${registry} has lost a part of the image: ${message}`,
      "push the image again, or pull another tag",
    ],
    "stale": [
      ({ image, registry }) => `${image} comes whole, but ${registry} does not answer this proxy: its tag is the last known one`,
      "pulls need nothing; `/status` tells how long the registry is spared, and `npx wrangler tail` why",
    ],
  },
  "token server": { "token-server": [message, later] },
  "storage": {
    "storage": [message, "try again later, for it is not yours to mend; if it stays so, that storage refuses the Worker's addresses"],
    "no-range": [
      ({ host }) => `\`${host}\` answers a part of a blob (Range) with all of it`,
      "have the registry's storage, or what stands before it, know Range: without, broken downloads begin anew and podman's fail",
    ],
    "handed-on": [
      ({ host, to, why }) => `\`${host}\` hands blobs on to \`${to}\` (\`blobs = "redirect"\`), and there ${why}`,
      "take that setting out of REGISTRIES, so that the Worker fetches them, or open the way to that host",
    ],
  },
  "content": {
    "other-digest": [
      ({ what, found, digest, encoding }) =>
        `${what} has the digest ${found}, not ${digest}${encoding ? ` (it came compressed, as ${encoding})` : ""}`,
      "something changes bytes on the way, or the registry's storage is damaged: ask from another network, and pull from the " +
        "registry itself",
    ],
    "other-size": [
      ({ what, size, said }) => `${what} has ${size} bytes, and is said to have ${said}`,
      "the image is damaged: push it again, or name another",
    ],
  },
};

/** Hop, what is wrong, what to do; by kind. */
const rows = new Map(
  Object.entries(table).flatMap(([hop, faults]) => Object.entries(faults).map(([kind, [what, cure]]) => [kind, { hop, what, cure }])),
);

const words = (part, facts) => (typeof part === "function" ? part(facts) : part);

/** What is wrong, alone. */
export const wrong = ({ kind, facts }, about) => words(rows.get(kind).what, { ...about, ...facts });

/** The whole sentence. */
export const sentence = (fault, about) => {
  const { hop, cure } = rows.get(fault.kind);
  return `${hop}: ${wrong(fault, about)}; ${words(cure, { ...about, ...fault.facts })}.`;
};
