// Stands between the Worker and the world (its `globalOutbound`): demo.test is served from here, the rest by the real network.

export default {
  fetch(request, { DEMO, NETWORK }) {
    const isDemo = `.${new URL(request.url).hostname}`.endsWith(".demo.test");
    // Handing the request on as it is keeps its redirect mode: the Worker sees every redirect itself.
    return (isDemo ? DEMO : NETWORK).fetch(request);
  },
};
