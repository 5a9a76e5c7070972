// In the Worker's place: shows that a runtime's Cache API and bucket are what tests take them for.

export default {
  async fetch(request, env) {
    const seen = {};
    for (const [name, cache] of Object.entries({ named: await caches.open("pierhead"), unnamed: caches.default })) {
      const url = "https://store.invalid/probe";
      const asked = async (headers) => (await cache.match(new Request(url, { headers }))) ?? { status: 0, text: () => "" };
      const told = async (headers) => {
        const answer = await asked(headers);
        return `${answer.status} ${await answer.text()}`;
      };
      seen[name] = [await told()];
      const kept = { "cache-control": "max-age=60", etag: '"e"', "content-type": "text/plain" };
      await cache.put(url, new Response(`the ${name} one`, { headers: kept }));
      seen[name].push(await told(), await told({ range: "bytes=4-8" }), await told({ "if-none-match": '"e"' }));
      if (name === "unnamed") seen[name].push(await cache.delete(url), await told());
    }
    if (env.STORE) {
      const sha256 = await crypto.subtle.digest("SHA-256", new TextEncoder().encode("object"));
      await env.STORE.put("right", "object", { sha256 });
      seen.bucket = [await env.STORE.put("wrong", "another", { sha256 }).then(() => "taken", () => "refused")];
      const part = await env.STORE.get("right", { range: { offset: 1, length: 2 } });
      seen.bucket.push(await part.text());
    }
    return Response.json(seen);
  },
};
