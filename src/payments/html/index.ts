export { type Html, html, page, type Tone } from './html.js';
export * from './parts.js';
