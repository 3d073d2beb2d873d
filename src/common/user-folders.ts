/** Where this program's own files are kept for its user, as each system has it. */
import { isAbsolute, join } from 'node:path';

const program = 'steerd';

interface UserOfSystem {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  /** Absolute path. */
  readonly home: string;
}

/**
 * The folder for data that is to stay: `$XDG_DATA_HOME/steerd` or `~/.local/share/steerd` (XDG Base Directory Specification), on
 * macOS `~/Library/Application Support/steerd`, on Windows `%LOCALAPPDATA%\steerd\Data`.
 */
export function userDataFolder({ environment, platform, home }: UserOfSystem): string {
  if (platform === 'win32') {
    return join(absolute(environment.LOCALAPPDATA) ?? join(home, 'AppData', 'Local'), program, 'Data');
  }
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', program);
  return join(absolute(environment.XDG_DATA_HOME) ?? join(home, '.local', 'share'), program);
}

/** The specification has relative paths ignored: they would mean another folder from each working directory. */
const absolute = (path: string | undefined) => (path !== undefined && isAbsolute(path) ? path : undefined);

/**
 * The folder for what a program remembers and could do without: `$XDG_STATE_HOME/steerd` or `~/.local/state/steerd`, on macOS the one for
 * data, on Windows `%LOCALAPPDATA%\steerd\State`.
 */
export function userStateFolder(user: UserOfSystem): string {
  const { environment, platform, home } = user;
  if (platform === 'win32') {
    return join(absolute(environment.LOCALAPPDATA) ?? join(home, 'AppData', 'Local'), program, 'State');
  }
  if (platform === 'darwin') return userDataFolder(user);
  return join(absolute(environment.XDG_STATE_HOME) ?? join(home, '.local', 'state'), program);
}
