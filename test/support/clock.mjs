/**
 * Preloaded into a server whose clock a test sets: each message is the difference to the real time in milliseconds, and
 * is answered when it holds.
 */
const RealDate = Date;
let shift = 0;

globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shift);
    else super(...args);
  }

  static now() {
    return RealDate.now() + shift;
  }
};

process.on('message', (/** @type {number} */ milliseconds) => {
  shift = milliseconds;
  process.send?.(milliseconds);
});
process.channel?.unref();
