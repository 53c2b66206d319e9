/**
 * Preloaded into a server whose background work a test waits for: what would be done every half a minute is done all
 * the time.
 */
const realSetInterval = globalThis.setInterval;

globalThis.setInterval = /** @type {typeof setInterval} */ (
  (/** @type {() => void} */ work, /** @type {number} */ milliseconds) =>
    realSetInterval(work, Math.min(milliseconds, 50))
);
