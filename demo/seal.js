// Short-lived statements that only this registry can make: its tokens, and the signatures of its blob addresses.

// No secret: this registry runs on the developer's own machine and holds one public image.
const key = new TextEncoder().encode("the demo registry's key");

/** Signs a JSON value; it is good until it expires. */
export async function seal(value, seconds) {
  const expires = Math.floor(Date.now() / 1000) + seconds;
  const payload = btoa(JSON.stringify({ value, expires })).replaceAll("+", "-").replaceAll("/", "_");
  return `${payload}.${await mac(payload)}`;
}

/** The value in a sealed text, or undefined if the seal is broken or has expired. */
export async function unseal(text) {
  const [payload, signature] = text.split(".");
  if (signature !== (await mac(payload))) return undefined;
  const { value, expires } = JSON.parse(atob(payload.replaceAll("-", "+").replaceAll("_", "/")));
  return expires > Date.now() / 1000 ? value : undefined;
}

async function mac(text) {
  const hmac = await crypto.subtle.importKey("raw", key, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const bytes = new Uint8Array(await crypto.subtle.sign("HMAC", hmac, new TextEncoder().encode(text)));
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
