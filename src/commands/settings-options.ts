/** Settings as options of a command, with the flags, environment variables and defaults of config.ts. */

import { type Command, Option } from 'commander';
import { readSettings, type SettingName, type Settings, settingsTable } from '../config.js';
import { usualDataDirectory } from './data-place.js';
import { helpText } from './output.js';

/**
 * Adds the flags of these settings to a command.
 * @returns a function that reads all settings from the options given to the command's action and from the environment;
 *   settings without a flag here come from their environment variable or default. It throws ConfigError.
 */
export function addSettings(
  command: Command,
  names: readonly SettingName[],
): (options: Readonly<Record<string, unknown>>) => Settings {
  const attributes = new Map<SettingName, string>();
  for (const name of names) {
    const { flag, env, fallback, help } = settingsTable[name];
    if (flag === null) {
      command.addHelpText('after', helpText(`\n${env}, by environment only: ${help} (default: ${fallback})`));
      continue;
    }
    const option = new Option(flag, `${help} (${env}; default: ${fallback})`);
    attributes.set(name, option.attributeName());
    command.addOption(option);
  }
  return (options) => {
    const flags: Partial<Record<SettingName, string>> = {};
    for (const [name, attribute] of attributes) {
      const value = options[attribute];
      if (typeof value === 'string') flags[name] = value;
      else if (value === true) flags[name] = 'true';
    }
    const settings = readSettings(process.env, flags);
    const isSaid = flags.dataDirectory ?? process.env[settingsTable.dataDirectory.env]?.trim();
    if (isSaid) return settings;
    const { dataDirectory, ...others } = settings;
    let chosen: string | undefined;
    // Looked for only by what uses it: nobody who asks a server must say which folder is meant. And once: it stays what it was.
    return {
      ...others,
      get dataDirectory() {
        chosen ??= usualDataDirectory(dataDirectory);
        return chosen;
      },
    };
  };
}
