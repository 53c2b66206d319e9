/** Preloaded into a server whose background work a test keeps away: nothing is done again and again. */
const realSetInterval = globalThis.setInterval;

globalThis.setInterval = /** @type {typeof setInterval} */ (
  (/** @type {() => void} */ work) => realSetInterval(work, 2 ** 31 - 1)
);
