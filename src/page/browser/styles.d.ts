/** Styles are bundled; a module that imports them gets nothing. */
declare module '*.css';
