// The least that a registry proxy can do in JavaScript, and what the others are compared with: each request goes on as it
// is, each answer goes back as it is, but for the token server, which has this proxy's name. Nothing is kept.

const registry = "https://registry-1.docker.io";
const tokens = "https://auth.docker.io";

export default {
  async fetch(request) {
    const url = new URL(request.url);
    const origin = url.pathname === "/token" ? tokens : registry;
    const answer = await fetch(origin + url.pathname + url.search, request);
    const challenge = answer.headers.get("www-authenticate");
    if (!challenge) return answer;

    const renamed = new Headers(answer.headers);
    renamed.set("www-authenticate", challenge.replace(/realm="[^"]*"/, `realm="${url.origin}/token"`));
    return new Response(answer.body, { status: answer.status, headers: renamed });
  },
};
