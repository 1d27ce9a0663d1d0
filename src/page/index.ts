/** Gives the web page to browsers: the files that scripts/build-page.mjs made, under a strict policy. */
export { PAGE_HEADERS, type PageOptions, registerPage } from './register-page.ts';
