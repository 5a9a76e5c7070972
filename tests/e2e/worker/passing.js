// Hands on what storage has, and does nothing else.
export default {
  fetch(request) {
    const { pathname, search } = new URL(request.url);
    return fetch(`https://production.cloudflare.docker.com${pathname}${search}`);
  },
};
