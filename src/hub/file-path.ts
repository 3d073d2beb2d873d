/** Paths that a hub or a graph gives. They are untrusted: only those that stay inside a folder are used. */

/** Characters that some file system does not allow in names, or gives a meaning. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const forbidden = /[\u0000-\u001f\u007f<>:"|?*\\]/;

/** Whether a path is relative, stays inside its folder, and has no hidden or unusual parts. */
export function isSafePath(path: string): boolean {
  const parts = path.split('/');
  return (
    path.length <= 1024 &&
    parts.every(
      (part) =>
        part.length > 0 &&
        Buffer.byteLength(part) <= 200 &&
        !part.startsWith('.') &&
        !/[. ]$/.test(part) &&
        !forbidden.test(part),
    )
  );
}

/** The folder of a path; '' for the top. */
export const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')));

/** The file name of a path. */
export const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);

/** A path inside a folder; '' stands for the top. */
export const inside = (folder: string, path: string): string => (folder === '' ? path : `${folder}/${path}`);
