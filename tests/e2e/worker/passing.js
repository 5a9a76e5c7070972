// Hands on what storage or a registry has, and does nothing else.
const HOSTS = { docker: "production.cloudflare.docker.com", quay: "quay.io" };

export default {
  fetch(request) {
    const { hostname, pathname, search } = new URL(request.url);
    return fetch(`https://${HOSTS[hostname.split(".")[0]]}${pathname}${search}`);
  },
};
