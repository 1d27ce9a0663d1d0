/** The most bytes of a text: files of params are small, so a larger file is something else. */
export const MOST_TEXT_BYTES = 4 * 1024 * 1024;
