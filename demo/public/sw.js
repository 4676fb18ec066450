// The page offline: what it once loaded is served from the cache, and refreshed when there is a network. The model is left
// out: the package keeps it in IndexedDB.
const cacheName = 'thimble-demo';

self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', (event) => event.waitUntil(self.clients.claim()));

async function fresh(request) {
  const response = await fetch(request);
  if (response.ok) (await caches.open(cacheName)).put(request, response.clone());
  return response;
}

self.addEventListener('fetch', (event) => {
  const { request } = event, url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== location.origin || url.pathname.endsWith('.san')) return;
  event.respondWith(fresh(request).catch(async () => (await caches.match(request, { ignoreSearch: true })) ?? Response.error()));
});
