export * from './pages.controller.js';
